import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import { withTimeout } from '../../common/async.ts';
import { Latest } from '../latest.ts';
import { type ConsolePage, type Desk, registerMissing } from '../page.ts';
import type {
  DeadLetterDesk,
  DeadLetterListing,
  DeadLetterSurvey,
  DeadLetterView,
} from '../sources/dead-letters.ts';
import {
  type Content,
  count,
  definitions,
  deliveryLink,
  empty,
  type Html,
  loading,
  missing,
  notice,
  plural,
  section,
  table,
  timeAndAge,
} from '../view.ts';
import { DEAD_LETTERS_PATH, registerDeadLetterChanges } from './dead-letter-changes.ts';
import { readOnly } from './jobs.ts';

/** A look receives every letter, so it is not repeated at each change of something else. */
const MAX_AGE_MS = 15_000;

/** A page shows at once what was seen last; it waits no longer for a new look. */
const FIRST_LOOK_MS = 120;

/** Letters listed of one cause. */
const MAX_LISTED = 100;

const PATH = DEAD_LETTERS_PATH;

/** `/dead-letters`: what waits for a person, by cause, with what fixes it. */
export const deadLettersPage: ConsolePage = {
  path: PATH,
  title: 'Dead letters',
  register(app, desk) {
    const { deadLetters } = desk.sources;
    if (deadLetters.kind === 'missing')
      return registerMissing(app, desk, this, 'The dead letters cannot be shown', deadLetters);
    const { reader } = deadLetters;
    const latest = new Latest((signal) => reader.survey(signal), desk.clock, MAX_AGE_MS);
    registerLooking(app, desk, reader, latest);
  },
};

function registerLooking(
  app: Hono,
  desk: Desk,
  reader: DeadLetterDesk,
  latest: Latest<DeadLetterSurvey>,
): void {
  const causesNow = async () => causesPart(await latest.read(), desk);
  desk.live.add('dead-letters', {
    intervalMs: MAX_AGE_MS,
    render: async () => ({
      causes: await causesNow().catch((error: unknown) => missing('The dead letters', desk.describe(error))),
    }),
  });
  app.get(PATH, async (c) => {
    const cause = c.req.query('cause');
    if (cause !== undefined) {
      const listing = await reader.list({ by: 'cause', cause }, MAX_LISTED, c.req.raw.signal);
      return desk.show(c, {
        title: `Dead letters: ${cause}`,
        path: PATH,
        body: listPart(cause, listing, desk),
      });
    }
    const first = await withTimeout(causesNow(), FIRST_LOOK_MS);
    return desk.show(c, {
      title: 'Dead letters',
      path: PATH,
      live: 'dead-letters',
      isUnfinished: first.kind !== 'done',
      body: html`<p>Mail that could not be sent. It is kept for 14 days, and sent only if you redrive it: fix the cause first.</p>
${desk.allowChanges ? '' : readOnly('mailctl dlq')}
${section('By cause', first.kind === 'done' ? first.value : loading('Looking through the queue, which takes a second or more'), 'causes')}`,
    });
  });
  // The words of an action stand in the place of an ID: they are registered before it.
  registerDeadLetterChanges(app, desk, reader, () => latest.forget());
  app.get(`${PATH}/:id`, async (c) => {
    const body = c.req.query('body') === 'shown';
    const letter = await reader.show(
      c.req.param('id'),
      { addresses: desk.showAddresses, body },
      c.req.raw.signal,
    );
    return letter === undefined
      ? notSeen(c, desk)
      : desk.show(c, {
          title: letter.deliveryId ?? 'A letter without an ID',
          path: PATH,
          body: letterPart(letter, desk),
        });
  });
}

function causesPart({ causes, seen, inFlight, isComplete }: DeadLetterSurvey, desk: Desk): Html {
  const now = desk.clock.now();
  const flying =
    inFlight > 0 &&
    notice(
      'info',
      html`<p>${plural(inFlight, 'letter')} in flight: another run is processing them, or they are visible again in a few minutes.</p>`,
    );
  if (causes.length === 0)
    return html`${flying}${empty('There is no dead letter', 'No mail waits for a person.')}`;
  return html`${flying}${table(
    'Dead letters by cause',
    [
      { title: 'Cause' },
      { title: 'Letters', kind: 'number' },
      { title: 'Oldest' },
      { title: 'What fixes it', kind: 'wide' },
      { title: 'Do' },
    ],
    causes.map((one) => [
      html`<a href="${PATH}?cause=${encodeURIComponent(one.cause)}"><strong>${one.cause}</strong></a>`,
      count(one.count),
      timeAndAge(one.oldest, now),
      html`${one.fix}<br><span class="hint">For example: ${one.example}</span>`,
      actions(`cause=${encodeURIComponent(one.cause)}`, desk),
    ]),
  )}
<p class="hint">${plural(seen, 'letter')} seen${isComplete ? '' : '; it was stopped before the end, so there may be more'}.</p>`;
}

function actions(choice: string, desk: Desk): Content {
  if (!desk.allowChanges) return html`<a href="${PATH}?${choice}">Look</a>`;
  return html`<span class="actions"><a class="button" href="${PATH}/redrive?${choice}">Redrive…</a> <a class="button" href="${PATH}/drop?${choice}">Drop…</a></span>`;
}

function listPart(cause: string, { letters, more, inFlight }: DeadLetterListing, desk: Desk): Html {
  const now = desk.clock.now();
  if (letters.length === 0) {
    return empty(
      'No such letter is seen',
      inFlight === 0
        ? 'It was redriven or dropped.'
        : `${plural(inFlight, 'letter')} in flight: try again in a few minutes.`,
    );
  }
  return html`<p class="buttons">${actions(`cause=${encodeURIComponent(cause)}`, desk)}</p>
${section(
  cause,
  html`${table(
    `Dead letters of the cause ${cause}`,
    [{ title: 'Delivery' }, { title: 'Since' }, { title: 'Tenant' }, { title: 'Why', kind: 'wide' }],
    letters.map(({ queueMessageId, deliveryId, since, tenantId, detail }) => [
      html`<a href="${PATH}/${encodeURIComponent(queueMessageId)}">${deliveryId ?? 'without an ID'}</a>`,
      timeAndAge(since, now),
      tenantId ?? '–',
      detail,
    ]),
  )}${more > 0 && html`<p class="hint">${plural(more, 'more letter')} of it: <code>mailctl dlq show --cause ${cause} --limit ${letters.length + more}</code></p>`}`,
  'letters',
)}`;
}

function letterPart(letter: DeadLetterView, desk: Desk): Html {
  const { queueMessageId, deliveryId, tenantId, cause, detail, since, receiveCount, fix, mail, body } =
    letter;
  const here = `${PATH}/${encodeURIComponent(queueMessageId)}`;
  return html`<p class="buttons">${actions(`id=${encodeURIComponent(queueMessageId)}`, desk)}</p>
${section(
  'Why it was not sent',
  definitions([
    ['Cause', cause],
    ['Detail', detail],
    ['What fixes it', fix],
    ['Since', timeAndAge(since, desk.clock.now())],
    ['Received', plural(receiveCount, 'time')],
    ['Delivery', deliveryId && deliveryLink(deliveryId)],
    ['Tenant', tenantId],
    ['SQS message', queueMessageId],
  ]),
  'why',
)}
${mail === undefined ? '' : section('The mail', mailPart(mail), 'mail')}
${section(
  'Its body',
  body === undefined
    ? html`<p>The body is not shown, since it is private mail.</p><p class="buttons"><a class="button" href="${here}?body=shown">Show the body</a></p>`
    : html`<pre tabindex="0">${body}</pre>`,
  'body',
)}`;
}

function mailPart(mail: NonNullable<DeadLetterView['mail']>): Html {
  const { from, to, createdAt, expiresAt, smtpFailure, bytes, headers, unreadable } = mail;
  return definitions([
    ['Envelope from', from],
    ['Envelope to', to.slice(0, 20).join(', ') + (to.length > 20 ? ` and ${to.length - 20} more` : '')],
    ['Created', createdAt],
    ['Expires', expiresAt],
    ['SMTP failed with', smtpFailure],
    ['Size', bytes === undefined ? undefined : `${count(bytes)} bytes`],
    ...Object.entries(headers),
    ['Content', unreadable],
  ]);
}

function notSeen(c: Context, desk: Desk): Promise<Response> {
  const body = empty(
    'That letter is not seen',
    'It was redriven or dropped, or another run has it in its hands for a few minutes.',
  );
  return desk.show(c, { title: 'Not seen', path: PATH, body }, 404);
}
