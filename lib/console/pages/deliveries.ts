import { html } from 'hono/html';
import { ROW_STATES } from '../../domain/delivery-filter.ts';
import { FAILURE_CLASSES } from '../../domain/failure.ts';
import { type ConsolePage, type Desk, registerMissing } from '../page.ts';
import type { DeliveryPage, DeliveryQuery, DeliveryReader, DeliverySummary } from '../sources/deliveries.ts';
import {
  badge,
  type Content,
  empty,
  type Field,
  type Html,
  missing,
  notice,
  pager,
  plural,
  searchForm,
  section,
  type Tone,
  table,
  timeAndAge,
} from '../view.ts';
import { DELIVERIES_PATH, registerDelivery } from './delivery.ts';

const PATH = DELIVERIES_PATH;
const TITLE = 'Deliveries';

/** A search that takes longer has failed: its page is not worth the wait. */
const SEARCH_TIMEOUT_MS = 15_000;

/** `/deliveries`: the deliveries of the outbox, newest first, and one of them as a timeline. */
export const deliveriesPage: ConsolePage = {
  path: PATH,
  title: TITLE,
  register(app, desk) {
    const { deliveries } = desk.sources;
    if (deliveries.kind === 'missing') {
      const routes = [PATH, `${PATH}/:id`];
      return registerMissing(app, desk, this, 'The deliveries cannot be shown', deliveries, routes);
    }
    app.get(PATH, async (c) => {
      const asked = c.req.query();
      const { query, wrong } = readQuery(asked);
      const found = wrong.length > 0 ? undefined : await search(deliveries.reader, query, desk);
      const body = html`${form(asked, query)}${wrong.map((text) => notice('warn', html`<p>${text}</p>`))}${
        found !== undefined && section('Newest first', resultPart(found, asked, desk), 'found')
      }`;
      return desk.show(c, { title: TITLE, path: PATH, body }, wrong.length > 0 ? 400 : 200);
    });
    registerDelivery(app, desk, deliveries.reader);
  },
};

type Asked = Readonly<Record<string, string>>;

/** An empty field asks for nothing. */
function readQuery(asked: Asked): { readonly query: DeliveryQuery; readonly wrong: readonly string[] } {
  const { tenant, status, from, until, cursor } = asked;
  const wrong: string[] = [];
  const time = (name: string, text = '') => {
    const at = readTime(text);
    if (at === 'wrong')
      wrong.push(`${name} has to be a time such as 2026-05-04T10:30, in UTC; it is “${text}”.`);
    return at === 'wrong' ? undefined : at;
  };
  const oneOf = <Name extends string>(name: string, text: string | undefined, known: readonly Name[]) => {
    const found = known.find((one) => one === text);
    if (isSet(text) && found === undefined)
      wrong.push(`${name} has to be one of ${known.join(', ')}; it is “${text}”.`);
    return found;
  };
  const query = {
    text: textOf(asked),
    tenantId: isSet(tenant) ? tenant.trim() : undefined,
    state: oneOf('Status', status, ROW_STATES),
    failureClass: oneOf('Class', asked.class, FAILURE_CLASSES),
    from: time('From', from),
    until: time('Until', until),
    cursor: isSet(cursor) ? cursor : undefined,
  };
  return { query, wrong };
}

/** A link may say more exactly what the one field means. */
function textOf({ q, to, id }: Asked): string | undefined {
  return [q, to, id].find(isSet)?.trim();
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== '';
}

/** As a field for times has it, which has no zone and is read as UTC; or with a zone. */
function readTime(text: string): Date | 'wrong' | undefined {
  if (text.trim() === '') return undefined;
  const time = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(?<zone>Z|[+-]\d\d:\d\d)?$/.exec(
    text.trim(),
  );
  const hasClock = text.includes('T');
  const at = new Date(time?.groups?.zone === undefined && hasClock ? `${text.trim()}Z` : text.trim());
  return time === null || Number.isNaN(at.getTime()) ? 'wrong' : at;
}

function form(asked: Asked, { from, until, text, tenantId }: DeliveryQuery): Html {
  const choice = (label: string, all: string, values: readonly string[]) => ({
    label,
    options: [{ value: '', label: all }, ...values.map((value) => ({ value, label: value }))],
  });
  const time = (at: Date | undefined) => at?.toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length);
  const fields: readonly Field[] = [
    {
      name: 'q',
      label: 'Recipient, ID or Message-ID',
      kind: 'search',
      value: text,
      isWide: true,
      hint: 'The whole address, also of a Cc or Bcc; the beginning of an ID; the Message-ID that a reply names.',
    },
    { name: 'status', value: asked.status, ...choice('Status', 'any', ROW_STATES) },
    {
      name: 'class',
      value: asked.class,
      ...choice('SMTP failed with', 'anything or nothing', FAILURE_CLASSES),
    },
    { name: 'tenant', label: 'Tenant', value: tenantId },
    { name: 'from', label: 'Created from (UTC)', kind: 'datetime-local', value: time(from) },
    { name: 'until', label: 'Created before (UTC)', kind: 'datetime-local', value: time(until) },
  ];
  return searchForm(PATH, fields);
}

type Found = { readonly page: DeliveryPage } | { readonly failure: Html };

async function search(reader: DeliveryReader, query: DeliveryQuery, desk: Desk): Promise<Found> {
  try {
    const signal = AbortSignal.timeout(SEARCH_TIMEOUT_MS);
    return { page: await reader.search(query, { addresses: desk.showAddresses, signal }) };
  } catch (error) {
    return { failure: missing('The outbox could not be searched', desk.describe(error)) };
  }
}

function resultPart(found: Found, asked: Asked, desk: Desk): Content {
  if ('failure' in found) return found.failure;
  const { rows, next } = found.page;
  const { cursor, ...rest } = asked;
  if (rows.length === 0) return nothing(cursor !== undefined);
  const link = (query: Asked) => `${PATH}?${new URLSearchParams(query)}`;
  return html`${table(
    'Deliveries, newest first',
    [
      { title: 'Created' },
      { title: 'To', kind: 'address' },
      { title: 'Status' },
      { title: 'Tenant', kind: 'wide' },
      { title: 'Delivery', kind: 'wide' },
      { title: 'Why', kind: 'wide' },
    ],
    rows.map((row) => cells(row, desk)),
  )}
<p class="hint">${plural(rows.length, 'delivery', 'deliveries')} on this page${next === undefined ? ', and no older one' : ''}.</p>
${pager(next && link({ ...rest, cursor: next }), cursor && link(rest))}`;
}

function cells(row: DeliverySummary, desk: Desk): Content[] {
  const { id, tenantId, to, state, by, createdAt, reason, failureClass } = row;
  return [
    createdAt === undefined ? '–' : timeAndAge(createdAt, desk.clock.now()),
    to ?? '–',
    html`${stateBadge(state, by)}`,
    tenantId ?? '–',
    html`<a href="${PATH}/${encodeURIComponent(id)}">${id}</a>`,
    failureClass === undefined ? (reason ?? '') : html`${badge('dim', failureClass)} ${reason ?? ''}`,
  ];
}

const TONES: Readonly<Record<string, Tone>> = {
  delivered: 'good',
  failed: 'bad',
  'on-hold': 'warn',
  queued: 'info',
  sending: 'info',
};

/** @param by the way that the mail went, where it is known */
function stateBadge(state: string, by: string | undefined): Html {
  const tone = TONES[state] ?? 'dim';
  if (state === 'sending' && by === 'ses')
    return html`${badge(tone, 'sending')} <span class="hint">handed over</span>`;
  const way = by === 'smtp' || by === 'ses' ? by.toUpperCase() : undefined;
  return html`${badge(tone, state)}${state === 'delivered' && way !== undefined && html` <span class="hint">by ${way}</span>`}`;
}

function nothing(isLaterPage: boolean): Html {
  return isLaterPage
    ? empty('There is no older one', 'This was the end of the search.')
    : empty(
        'No delivery is like that',
        'Only the whole address of a recipient is found, and only what the API wrote to the outbox: mail that other programs gave to the relay has no row.',
      );
}
