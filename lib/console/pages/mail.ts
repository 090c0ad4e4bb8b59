import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import type { Desk } from '../page.ts';
import { MAIL_CONTENT_SECURITY_POLICY } from '../security.ts';
import type { LocalInbox, MailAttachment, OpenedMail } from '../sources/local.ts';
import {
  definitions,
  deliveryOf,
  empty,
  type Html,
  missing,
  notice,
  plural,
  routeBadge,
  size,
  table,
  timeAndAge,
} from '../view.ts';

/** More of the source is only downloaded. */
const MAX_SHOWN_BYTES = 200_000;

const VIEWS = ['html', 'text', 'headers', 'attachments', 'source'] as const;
type View = (typeof VIEWS)[number];

const TITLES: Readonly<Record<View, string>> = {
  html: 'HTML',
  text: 'Text',
  headers: 'Headers',
  attachments: 'Attachments',
  source: 'Source',
};

/**
 * `/inbox/:id`: one mail. Whoever sent it chose every byte: its HTML is shown in a sandboxed frame with a policy that
 * loads and runs nothing, and everything else of it is text or a download.
 */
export function registerMail(app: Hono, desk: Desk, inbox: LocalInbox): void {
  const open = (c: Context) => inbox.open(c.req.param('id') ?? '');
  const notThere = (c: Context) =>
    desk.show(
      c,
      {
        title: 'There is no such mail',
        path: '/inbox',
        body: notice('info', html`A new start begins with an empty <a href="/inbox">inbox</a>.`),
      },
      404,
    );

  app.get('/inbox/:id', async (c) => {
    const mail = await open(c);
    if (mail === undefined) return notThere(c);
    const view = VIEWS.find((one) => one === c.req.query('view')) ?? firstView(mail);
    return desk.show(c, {
      title: mail.subject === '' ? '(no subject)' : mail.subject,
      path: '/inbox',
      body: html`${summary(mail, desk.clock.now())}
${tabs(mail, view)}
<section class="mail-view" aria-label="${TITLES[view]}">${show(mail, view)}</section>`,
    });
  });

  app.get('/inbox/:id/html', async (c) => {
    const mail = await open(c);
    if (mail?.content.kind !== 'parsed' || mail.content.html === undefined) return notThere(c);
    return c.body(inert(mail.content.html), 200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': MAIL_CONTENT_SECURITY_POLICY,
      // Names of hosts in links would be looked up, which no policy of content covers.
      'X-DNS-Prefetch-Control': 'off',
    });
  });

  app.get('/inbox/:id/source', async (c) => {
    const mail = await open(c);
    return mail === undefined ? notThere(c) : download(c, `${mail.id}.eml`, mail.raw);
  });

  app.get('/inbox/:id/attachments/:number', async (c) => {
    const mail = await open(c);
    const number = Number(c.req.param('number'));
    const attachment = mail?.content.kind === 'parsed' ? mail.content.attachments[number - 1] : undefined;
    return attachment === undefined
      ? notThere(c)
      : download(c, fileName(attachment, number), attachment.content);
  });
}

/**
 * Without the elements for which browsers open a connection before they ask the policy: frames, `<link rel=preconnect>`,
 * and `<meta>`, which could switch on the look-up of names. An element begins with these letters or is none, so nothing
 * needs to be parsed. A link opens a window, which the sandbox refuses at once.
 */
function inert(mailHtml: string): string {
  return mailHtml
    .replaceAll(/<(?=link|meta|base|i?frame|fencedframe|portal|object|embed)/gi, '<x-')
    .replace(/^(?:\s*<!doctype[^>]*>)?/i, (doctype) => `${doctype}<base target="_blank">`);
}

/** Never shown by the browser in the name of the console, whatever its type. */
function download(c: Context, name: string, content: Buffer): Response {
  return c.body(new Uint8Array(content), 200, {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${name.replaceAll(/[^\w.-]/g, '_')}"; filename*=UTF-8''${encodeURIComponent(name).replaceAll(/['()*]/g, percentEncoded)}`,
    'Content-Security-Policy': MAIL_CONTENT_SECURITY_POLICY,
  });
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** The last part of what may look like a path, without what controls a terminal or hides the ending of a file. */
function fileName({ name = '' }: MailAttachment, number: number): string {
  const last = name.split(/[/\\]/).at(-1) ?? '';
  const plain = last
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .replace(/^[.\s]+/, '')
    .slice(0, 150);
  return plain === '' ? `attachment-${number}` : plain;
}

function firstView({ content }: OpenedMail): View {
  if (content.kind === 'unreadable') return 'source';
  return content.html === undefined ? 'text' : 'html';
}

function summary({ route, at, from, to, bytes, deliveryId, headers }: OpenedMail, now: Date): Html {
  const header = (name: string) => headers.find((one) => one.name.toLowerCase() === name)?.value;
  return html`<section class="facts" aria-label="The mail">${definitions([
    ['Way', routeBadge(route)],
    ['Accepted', timeAndAge(at, now)],
    ['From', header('from')],
    ['To', header('to')],
    ['Cc', header('cc')],
    ['Envelope', `${from === '' ? '<>' : from} to ${to.join(', ')}`],
    ['Message-ID', html`<code>${header('message-id') ?? 'none'}</code>`],
    ['Delivery', deliveryOf(deliveryId)],
    ['Size', size(bytes)],
  ])}</section>`;
}

function tabs({ id, content }: OpenedMail, current: View): Html {
  const attachments = content.kind === 'parsed' ? content.attachments.length : 0;
  return html`<nav class="tabs" aria-label="Parts of the mail"><ul>${VIEWS.map(
    (view) =>
      html`<li><a href="/inbox/${id}?view=${view}"${view === current ? html` aria-current="page"` : ''}>${TITLES[view]}${
        view === 'attachments' && html` <span class="count">${attachments}</span>`
      }</a></li>`,
  )}</ul></nav>`;
}

function show(mail: OpenedMail, view: View): Html {
  const { content, id } = mail;
  switch (view) {
    case 'headers':
      return table(
        'Header fields, in their order',
        [{ title: 'Field' }, { title: 'Value', kind: 'wide' }],
        mail.headers.map(({ name, value }) => [name, value]),
      );
    case 'source':
      return source(mail);
    default:
      if (content.kind === 'unreadable')
        return missing('This mail cannot be parsed', {
          why: content.why,
          fix: 'look at its source; mail programs may show it in different ways',
        });
  }
  switch (view) {
    case 'html':
      return content.html === undefined
        ? empty('No HTML', 'This mail is plain text.')
        : html`<p class="hint">Nothing in it runs, and nothing is loaded from elsewhere.</p>
<iframe class="mail" sandbox="" src="/inbox/${id}/html" title="HTML of the mail" referrerpolicy="no-referrer"></iframe>`;
    case 'text':
      return content.text === undefined
        ? empty('No text', 'This mail has no part of plain text.')
        : html`<pre>${content.text}</pre>`;
    case 'attachments':
      return content.attachments.length === 0
        ? empty('No attachments', 'This mail has none.')
        : attachmentList(id, content.attachments);
  }
}

function source({ id, raw }: OpenedMail): Html {
  const rest = raw.length - MAX_SHOWN_BYTES;
  return html`<p><a class="button" href="/inbox/${id}/source">Download as a file</a></p>
<pre>${raw.toString('utf8', 0, MAX_SHOWN_BYTES)}</pre>
${rest > 0 && notice('info', `${plural(rest, 'byte')} more are in the file.`)}`;
}

function attachmentList(id: string, attachments: readonly MailAttachment[]): Html {
  return table(
    'Attachments',
    [
      { title: 'Name', kind: 'wide' },
      { title: 'Type', kind: 'wide' },
      { title: 'Size', kind: 'number' },
      { title: 'File' },
    ],
    attachments.map((attachment, index) => [
      attachment.name ?? '(no name)',
      attachment.type,
      size(attachment.content.length),
      html`<a href="/inbox/${id}/attachments/${index + 1}">Download<span class="unseen"> ${fileName(attachment, index + 1)}</span></a>`,
    ]),
  );
}
