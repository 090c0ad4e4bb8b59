import { html } from 'hono/html';
import type { ConsolePage, Desk } from '../page.ts';
import type { InboxMail, LocalDesk } from '../sources/local.ts';
import {
  deliveryOf,
  empty,
  type Html,
  pager,
  plural,
  routeBadge,
  searchForm,
  section,
  size,
  table,
  time,
} from '../view.ts';
import { registerMail } from './mail.ts';

const PATH = '/inbox';

const MAILS_PER_PAGE = 50;

/** How often new mail is looked for while the page is open. */
const INTERVAL_MS = 1_000;

/** `/inbox`: what SMTP and SES of this machine accepted, newest first. */
export function inboxPage({ inbox }: LocalDesk): ConsolePage {
  return {
    path: PATH,
    title: 'Inbox',
    register(app, desk) {
      const newest = () => listPart(pageOf(inbox.list(), undefined, ''), desk);
      desk.live.add('inbox', { intervalMs: INTERVAL_MS, render: async () => ({ mails: newest() }) });
      app.get(PATH, (c) => {
        const [before, q] = [c.req.query('before'), (c.req.query('q') ?? '').trim()];
        const isNewest = before === undefined && q === '';
        const shown = isNewest ? newest() : listPart(pageOf(inbox.list(), before, q), desk);
        return desk.show(c, {
          title: 'Inbox',
          path: PATH,
          ...(isNewest ? { live: 'inbox' } : {}),
          body: html`<p class="lead">What mail-core and SES of this machine accepted. No mail leaves it. <a class="button" href="/new-mail">New mail</a></p>
${searchForm(PATH, [{ name: 'q', label: 'Recipient, subject or delivery', value: q, kind: 'search' }])}
${section(q === '' ? 'Accepted mails' : 'Found mails', shown, 'mails')}`,
        });
      });
      registerMail(app, desk, inbox);
    },
  };
}

interface InboxPart {
  readonly mails: readonly InboxMail[];
  readonly total: number;
  readonly q: string;
  readonly isFirst: boolean;
  readonly hasMore: boolean;
}

/** @param before the ID of the last mail of the page before */
function pageOf(all: readonly InboxMail[], before: string | undefined, q: string): InboxPart {
  const words = q.toLowerCase();
  const found = all.filter(({ to, subject, deliveryId = '' }) =>
    [...to, subject, deliveryId].some((text) => text.toLowerCase().includes(words)),
  );
  const start = before === undefined ? 0 : found.findIndex(({ id }) => id === before) + 1;
  const mails = found.slice(start, start + MAILS_PER_PAGE);
  const hasMore = start + mails.length < found.length;
  return { mails, total: found.length, q, isFirst: start === 0, hasMore };
}

function listPart({ mails, total, q, isFirst, hasMore }: InboxPart, desk: Desk): Html {
  if (mails.length === 0) return q === '' ? NONE : NONE_FOUND;
  const now = desk.clock.now();
  const address = (parameters: Readonly<Record<string, string>>) =>
    `${PATH}?${new URLSearchParams({ ...(q === '' ? {} : { q }), ...parameters })}`;
  const last = mails.at(-1)?.id ?? '';
  return html`<p class="hint">${plural(total, 'mail')}</p>
${table(
  'Mails, newest first',
  [
    { title: 'Time' },
    { title: 'Way' },
    { title: 'To', kind: 'wide' },
    { title: 'Subject', kind: 'wide' },
    { title: 'Delivery', kind: 'wide' },
    { title: 'Size', kind: 'number' },
  ],
  mails.map((mail) => [
    time(mail.at, now),
    routeBadge(mail.route),
    recipients(mail.to),
    html`<a href="${PATH}/${mail.id}">${mail.subject === '' ? '(no subject)' : mail.subject}</a>`,
    deliveryOf(mail.deliveryId),
    size(mail.bytes),
  ]),
)}
${pager(hasMore ? address({ before: last }) : undefined, isFirst ? undefined : address({}))}`;
}

const NONE = empty('No mail yet', html`<a href="/new-mail">Write one</a>, or insert a row.`);
const NONE_FOUND = empty('No such mail', html`<a href="${PATH}">Show all</a>`);

/** A mail to many must not fill the page. */
const MAX_SHOWN_RECIPIENTS = 3;

function recipients(to: readonly string[]): string {
  const more = to.length - MAX_SHOWN_RECIPIENTS;
  return `${to.slice(0, MAX_SHOWN_RECIPIENTS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
