import { html } from 'hono/html';
import { duration } from '../common/time.ts';

/** Escaped HTML, as `html` makes it. */
export type Html = ReturnType<typeof html>;

/** What `html` takes between its text: text is escaped, and false or undefined show nothing. */
export type Content = Html | string | number | false | undefined | readonly Content[];

/** How something stands, said by word and by colour. */
export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'dim';

/** A word with the colour of its tone. */
export function badge(tone: Tone, text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

/** A section with its heading. @param id of the part that is replaced as it changes */
export function section(title: string, content: Content, id?: string): Html {
  const name = id ?? title.toLowerCase().replaceAll(/[^a-z]+/g, '-');
  return html`<section aria-labelledby="${name}-title">
<h2 id="${name}-title">${title}</h2>
<div id="${name}" class="part">${content}</div>
</section>`;
}

export interface Column {
  readonly title: string;
  readonly kind?: 'number' | 'code' | 'wide' | 'address';
}

/** On a narrow screen each row is a block, with the titles of its columns. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Content[])[],
): Html {
  return html`<table class="rows">
<caption class="unseen">${caption}</caption>
<thead><tr>${columns.map(({ title, kind }) => html`<th scope="col" class="${kind ?? ''}">${title}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr>${row.map(
        (cell, index) =>
          html`<td class="${columns[index]?.kind ?? ''}" data-title="${columns[index]?.title ?? ''}">${cell}</td>`,
      )}</tr>`,
  )}</tbody>
</table>`;
}

/** Terms and what they say; those without a value are left out. */
export function definitions(entries: readonly (readonly [string, Content])[]): Html {
  const known = entries.filter(([, value]) => value !== undefined && value !== false && value !== '');
  return html`<dl>${known.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Nothing is there, and what that means. */
export function empty(title: string, text: Content): Html {
  return html`<div class="empty"><p class="empty-title">${title}</p><p>${text}</p></div>`;
}

/** A place that could not be read, and what fixes it. */
export function missing(what: string, { why, fix }: { readonly why: string; readonly fix: string }): Html {
  return html`<div class="notice warn"><p><strong>${what}:</strong> ${why}</p><p><span class="label">Fix</span> ${fix}</p></div>`;
}

export function notice(tone: Tone, content: Content): Html {
  return html`<div class="notice ${tone}">${content}</div>`;
}

/** A place that is still being read. Its room is kept. */
export function loading(text: string): Html {
  return html`<p class="loading">${text}</p>`;
}

export function deliveryLink(id: string): Html {
  return html`<a href="/deliveries/${encodeURIComponent(id)}">${id}</a>`;
}

/** In UTC; the browser adds its own zone as a title. */
export function time(at: Date, now: Date): Html {
  const iso = at.toISOString();
  const day = iso.slice(0, 10) === now.toISOString().slice(0, 10) ? '' : `${iso.slice(0, 10)} `;
  return html`<time datetime="${iso}">${day}${iso.slice(11, 16)} UTC</time>`;
}

/** `02:10 UTC, 3h 5m ago`. */
export function timeAndAge(at: Date, now: Date): Html {
  const text =
    at > now
      ? `in ${duration(at.getTime() - now.getTime())}`
      : `${duration(now.getTime() - at.getTime())} ago`;
  return html`${time(at, now)}<span class="age">, ${text}</span>`;
}

/** `812 B`, `316 kB`, `1.2 MB`. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** `12,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** `1 mail`, `2 mails`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly value?: string | undefined;
  readonly kind?: 'text' | 'search' | 'email' | 'number' | 'datetime-local' | 'textarea' | 'checkbox';
  readonly options?: readonly { readonly value: string; readonly label: string }[];
  readonly hint?: string;
  /** Takes a line of its own. */
  readonly isWide?: boolean;
  readonly required?: boolean;
}

function field(of: Field): Html {
  const { name, label, hint, kind, isWide } = of;
  const layout = kind === 'checkbox' ? 'check' : isWide === true ? 'line' : '';
  return html`<div class="field ${layout}"><label for="field-${name}">${label}</label>${inputOf(of)}${
    hint !== undefined && html`<p class="hint" id="field-${name}-hint">${hint}</p>`
  }</div>`;
}

function inputOf({ name, value = '', kind = 'text', options, hint, required = false }: Field): Html {
  const attributes = html`id="field-${name}" name="${name}" aria-describedby="${hint === undefined ? '' : `field-${name}-hint`}" ${required ? 'required' : ''}`;
  if (options !== undefined)
    return html`<select ${attributes}>${options.map(
      (option) =>
        html`<option value="${option.value}" ${option.value === value ? 'selected' : ''}>${option.label}</option>`,
    )}</select>`;
  switch (kind) {
    case 'textarea':
      // The first line break after the tag is not part of the text.
      return html`<textarea ${attributes} rows="5" autocomplete="off">\n${value}</textarea>`;
    case 'checkbox':
      return html`<input ${attributes} type="checkbox" value="yes" ${value === '' ? '' : 'checked'}>`;
    default:
      return html`<input ${attributes} type="${kind}" value="${value}" autocomplete="off" spellcheck="false">`;
  }
}

/** A form that asks: its answer is in the address, so that it can be kept and sent on. */
export function searchForm(action: string, fields: readonly Field[], submit = 'Search'): Html {
  return html`<form class="search" method="get" action="${action}" role="search">${fields.map(field)}<button type="submit">${submit}</button></form>`;
}

export interface ChangeForm {
  readonly action: string;
  readonly formToken: string;
  /** What is sent along. */
  readonly hidden?: Readonly<Record<string, string>>;
  readonly fields?: readonly Field[];
  /** What the button does: `Move 12 letters`. */
  readonly submit: string | Html;
  readonly danger?: boolean;
  /** Where it goes without a change. */
  readonly cancel?: string;
}

/** A form that changes something; it comes after a sentence that says what. */
export function changeForm({
  action,
  formToken,
  hidden = {},
  fields = [],
  submit,
  danger,
  cancel,
}: ChangeForm): Html {
  return html`<form class="change" method="post" action="${action}">
<input type="hidden" name="form-token" value="${formToken}">
${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
${fields.map(field)}
<p class="buttons"><button type="submit" class="${danger === true ? 'danger' : 'primary'}">${submit}</button>${
    cancel !== undefined && html` <a class="button" href="${cancel}">Cancel</a>`
  }</p>
</form>`;
}

/** Newest first; the next page is older. @param next its address; undefined on the last */
export function pager(next: string | undefined, first: string | undefined): Html {
  return html`<nav class="pager" aria-label="Pages">${first !== undefined && html`<a class="button" href="${first}">Newest</a>`}${
    next !== undefined && html`<a class="button" rel="next" href="${next}">Older</a>`
  }</nav>`;
}

/** By colour as well, since the way out is what a person looks for in a list. */
export function routeBadge(route: 'SMTP' | 'SES'): Html {
  return badge(route === 'SMTP' ? 'good' : 'info', route);
}

/** @param id undefined for a mail of a program that sends without a row */
export function deliveryOf(id: string | undefined): Html | string {
  return id === undefined ? 'no row' : deliveryLink(id);
}
