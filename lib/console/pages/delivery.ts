import type { Hono } from 'hono';
import { html } from 'hono/html';
import { withTimeout } from '../../common/async.ts';
import { Latest } from '../latest.ts';
import type { Parts } from '../live.ts';
import type { Desk } from '../page.ts';
import type {
  DeliveryEvent,
  DeliveryPlace,
  DeliveryReader,
  DeliveryRecipient,
  DeliveryView,
} from '../sources/deliveries.ts';
import {
  badge,
  type Content,
  count,
  definitions,
  empty,
  type Html,
  loading,
  missing,
  notice,
  section,
  table,
  timeAndAge,
} from '../view.ts';

export const DELIVERIES_PATH = '/deliveries';

/** The dead letters are received for it, so it is not repeated often. */
const MAX_AGE_MS = 15_000;

/** What the outbox says is shown meanwhile. */
const FIRST_LOOK_MS = 120;

/** Open pages of which what was read is remembered. */
const MAX_REMEMBERED = 20;

/** A newsletter has thousands. */
const MAX_RECIPIENTS = 200;
const MAX_NAMED = 3;

/** `/deliveries/ID`: all that is known of one delivery. */
export function registerDelivery(app: Hono, desk: Desk, reader: DeliveryReader): void {
  const show = (signal: AbortSignal) => ({ addresses: desk.showAddresses, signal });
  const remembered = new Map<string, Latest<DeliveryView | undefined>>();
  const latestOf = (id: string) => {
    const latest =
      remembered.get(id) ??
      new Latest((signal) => reader.find(id, 'all', show(signal)), desk.clock, MAX_AGE_MS);
    remembered.delete(id);
    remembered.set(id, latest);
    for (const known of remembered.keys()) if (remembered.size > MAX_REMEMBERED) remembered.delete(known);
    return latest;
  };
  desk.live.add('delivery', {
    intervalMs: MAX_AGE_MS,
    render: async (_signal, id) => {
      const view = await latestOf(id)
        .read()
        .catch((error: unknown) => ({ places: missing('It could not be read', desk.describe(error)) }));
      if (view === undefined) return { timeline: unknown() };
      return 'id' in view ? partsOf(view, desk) : view;
    },
  });
  app.get(`${DELIVERIES_PATH}/:id`, async (c) => {
    const id = c.req.param('id');
    const all = await withTimeout(latestOf(id).read(), FIRST_LOOK_MS);
    if (all.kind === 'failed') throw all.error;
    const isFinished = all.kind === 'done';
    const view = isFinished ? all.value : await reader.find(id, 'outbox', show(c.req.raw.signal));
    const parts = view === undefined ? (isFinished ? NOTHING : LOADING) : partsOf(view, desk);
    const page = {
      title: id,
      path: DELIVERIES_PATH,
      live: `delivery/${id}`,
      isUnfinished: !isFinished,
      body: html`<div id="state" class="part">${parts.state}</div>
${section('What happened, in order', parts.timeline, 'timeline')}
<div class="columns">${section('For whom', parts.recipients, 'recipients')}
${section('To find the reply', parts['message-ids'], 'message-ids')}</div>
${section('Where it was looked for', parts.places, 'places')}`,
    };
    return desk.show(c, page, isFinished && view === undefined ? 404 : 200);
  });
}

type DeliveryParts = Parts &
  Readonly<Record<'state' | 'timeline' | 'recipients' | 'message-ids' | 'places', Content>>;

const READING = 'Reading the outbox, the queues, the dead letters, the ledger and the suppression lists';

const LOADING: DeliveryParts = {
  state: '',
  timeline: loading(READING),
  recipients: loading('Reading'),
  'message-ids': loading('Reading'),
  places: loading('Reading'),
};

const NOTHING: DeliveryParts = {
  state: '',
  timeline: unknown(),
  recipients: html`<p class="hint">None is known.</p>`,
  'message-ids': html`<p class="hint">None is known.</p>`,
  places: html`<p class="hint">The outbox, the dead letters, the ledger and the suppression lists.</p>`,
};

function unknown(): Html {
  return empty(
    'No place knows this delivery',
    html`Is the ID complete? <a href="${DELIVERIES_PATH}">Search</a> finds it by its beginning, by a recipient and by a Message-ID.`,
  );
}

function partsOf(view: DeliveryView, desk: Desk): DeliveryParts {
  const { status, tenantId, concerns, events, recipients, places } = view;
  return {
    state: html`<p class="facts">${status !== undefined && html`The row says ${badge(toneOf(view), status)}`}${
      tenantId !== undefined &&
      html` <span class="hint">· tenant <a href="${DELIVERIES_PATH}?tenant=${encodeURIComponent(tenantId)}">${tenantId}</a></span>`
    }</p>${concerns.length > 0 && notice(recipients.some(({ lost }) => lost) ? 'bad' : 'warn', concerns.map(concernLine))}`,
    timeline:
      events.length === 0
        ? loading(READING)
        : html`<ol class="timeline">${events.map((event) => eventItem(event, view, desk))}</ol>`,
    recipients: recipientsPart(recipients),
    'message-ids': messageIdsPart(view),
    places: placesPart(places),
  };
}

function toneOf({ status, recipients }: DeliveryView) {
  if (status === 'failed' || recipients.some(({ lost }) => lost)) return 'bad';
  return status === 'delivered' ? 'good' : 'info';
}

/** `2 dead letters: mailctl dlq show reply-1`: what helps can be copied. */
function concernLine(concern: string): Html {
  const [, text = concern, command] = /^(.*): ((?:\S+ )*mailctl .*)$/s.exec(concern) ?? [];
  return html`<p class="concern">${text}${command !== undefined && html`: <code>${command}</code>`}</p>`;
}

const MARKS = { good: '✓', warn: '!', bad: '✗', info: '·' } as const;

function eventItem(
  { at, source, what, words, tone, recipients }: DeliveryEvent,
  { id, recipients: all }: DeliveryView,
  desk: Desk,
): Html {
  // Said of all, it needs no names.
  const isOfAll = recipients.length === 0 || recipients.length === all.length;
  const more = recipients.length - MAX_NAMED;
  const names = `${recipients.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
  return html`<li class="${tone}"><span class="mark" aria-hidden="true">${MARKS[tone]}</span>
<p class="when">${timeAndAge(at, desk.clock.now())} <span class="source">${source}</span></p>
<p class="what">${what}${!isOfAll && html` <span class="note">for ${names}</span>`}${
    source === 'dead letters' &&
    html` <a class="note" href="/dead-letters/${encodeURIComponent(id)}">Show the letter</a>`
  }${source === 'suppression list' && html` <a class="note" href="/suppression">Suppression</a>`}</p>${
    words !== undefined && html`<blockquote><code>${words}</code></blockquote>`
  }</li>`;
}

function recipientsPart(recipients: readonly DeliveryRecipient[]): Content {
  if (recipients.length === 0) return html`<p class="hint">No recipient is known.</p>`;
  const more = recipients.length - MAX_RECIPIENTS;
  // Those who did not get it come first.
  const ordered = recipients.toSorted((one, other) => Number(other.lost) - Number(one.lost));
  return html`${table(
    'Recipients and what became of the mail for each',
    [
      { title: 'Recipient', kind: 'address' },
      { title: 'State', kind: 'wide' },
    ],
    ordered
      .slice(0, MAX_RECIPIENTS)
      .map(({ address, state, lost }) => [address, html`${lost && html`${badge('bad', 'lost')} `}${state}`]),
  )}${more > 0 && html`<p class="hint">and ${count(more)} more, which <code>mailctl --json status</code> lists</p>`}`;
}

function messageIdsPart({ messageIds: { own, ses } }: DeliveryView): Html {
  return html`${definitions([
    ['By SMTP', own && html`<code>${own}</code>`],
    [
      'By SES',
      ses.length > 0 && ses.slice(0, MAX_RECIPIENTS).map((id) => html`<code class="line">${id}</code> `),
    ],
  ])}<p class="hint">${
    own === undefined && ses.length === 0
      ? 'It has none yet: it was not sent.'
      : 'Message-IDs: a reply names one of them in In-Reply-To. SES writes its own in the place of the first.'
  }</p>`;
}

function placesPart(places: readonly DeliveryPlace[]): Content {
  const failed = places.filter((place) => place.missing !== undefined);
  const rest = places.filter((place) => place.missing === undefined);
  return html`${failed.map((place) => place.missing !== undefined && missing(capital(place.name), place.missing))}${definitions(
    rest.map(({ name, detail, state }): [string, Content] => [
      capital(name),
      state === 'skipped' ? html`<span class="hint">not looked at: ${detail}</span>` : detail,
    ]),
  )}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
