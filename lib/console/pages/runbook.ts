import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { Desk } from '../page.ts';
import { type Content, empty, type Html } from '../view.ts';

/** `/runbook/:name`: what to do, where the operator is, with the names of the deployment. */
export function registerRunbook(app: Hono, desk: Desk): void {
  const { runbook } = desk.sources;
  app.get('/runbook', (c) =>
    desk.show(c, {
      title: 'Runbook',
      path: '',
      body: html`<section aria-label="Headings"><ul>${runbook.names.map((name) => html`<li><a href="/runbook/${name}">${name}</a></li>`)}</ul></section>`,
    }),
  );
  app.get('/runbook/:name', (c) => {
    const name = c.req.param('name');
    const text = runbook.section(name);
    return text === undefined
      ? desk.show(
          c,
          {
            title: 'Runbook',
            path: '',
            body: empty(`The runbook has no ${name}`, html`<a href="/runbook">All headings</a>`),
          },
          404,
        )
      : desk.show(c, {
          title: `Runbook: ${name}`,
          path: '',
          body: html`<section class="prose" aria-label="${name}">${markdown(text)}</section><p><a href="/runbook">All headings</a></p>`,
        });
  });
}

/** Of Markdown, what the runbook uses: paragraphs, lists, code, emphasis. */
function markdown(text: string): Html[] {
  return text
    .replace(/^# .*\n/, '')
    .split(/(^```[\s\S]*?^```$)/m)
    .flatMap((part) => {
      if (part.startsWith('```'))
        return [html`<pre tabindex="0">${part.replaceAll(/^```.*\n?|\n?```$/g, '')}</pre>`];
      return part
        .split(/\n{2,}/)
        .map((paragraph) => paragraph.trim())
        .filter((paragraph) => paragraph !== '')
        .map(block);
    });
}

function block(paragraph: string): Html {
  const items = paragraph.split(/^(?:[-*]|\d+\.) /m);
  if (items[0] === '' && items.length > 1)
    return html`<ul>${items.slice(1).map((item) => html`<li>${inline(item)}</li>`)}</ul>`;
  return html`<p>${inline(paragraph)}</p>`;
}

function inline(text: string): Content[] {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\*[^*\s][^*]*\*|\[[^\]]+\]\([^)\s]+\))/).map((part): Content => {
    if (part.startsWith('`')) return html`<code>${part.slice(1, -1)}</code>`;
    if (part.startsWith('**')) return html`<strong>${part.slice(2, -2)}</strong>`;
    if (part.startsWith('*') && part.length > 2) return html`<em>${part.slice(1, -1)}</em>`;
    const [, title] = /^\[([^\]]+)\]\(/.exec(part) ?? [];
    return title ?? part;
  });
}
