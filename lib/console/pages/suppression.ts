import { createHash } from 'node:crypto';
import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import * as v from 'valibot';
import { withTimeout } from '../../common/async.ts';
import { maskAddress } from '../../domain/address.ts';
import { addressSchema } from '../../domain/fallback-message.ts';
import { Latest } from '../latest.ts';
import { type ConsolePage, type Desk, registerMissing } from '../page.ts';
import type {
  SuppressionChange,
  SuppressionDesk,
  SuppressionEntry,
  SuppressionListing,
  SuppressionReason,
} from '../sources/suppression.ts';
import {
  badge,
  type Content,
  changeForm,
  count,
  deliveryLink,
  empty,
  type Html,
  loading,
  missing,
  notice,
  pager,
  searchForm,
  section,
  table,
  timeAndAge,
} from '../view.ts';
import { readOnly } from './jobs.ts';

const PATH = '/suppression';

/** Both lists are read as a whole: not again for each page of them. */
const MAX_AGE_MS = 60_000;
const FIRST_LOOK_MS = 150;
const ROWS = 100;

/** `/suppression`: who gets no mail by SES, why and since when. */
export const suppressionPage: ConsolePage = {
  path: PATH,
  title: 'Suppression',
  register(app, desk) {
    const { suppression } = desk.sources;
    if (suppression.kind === 'missing')
      return registerMissing(app, desk, this, 'The suppression lists cannot be shown', suppression);
    const latest = new Latest((signal) => suppression.reader.all(signal), desk.clock, MAX_AGE_MS);
    app.get(PATH, (c) => showLists(c, desk, suppression.reader, latest));
    registerChange(app, desk, suppression.reader, latest, 'add');
    registerChange(app, desk, suppression.reader, latest, 'remove');
  },
};

async function showLists(
  c: Context,
  desk: Desk,
  reader: SuppressionDesk,
  latest: Latest<SuppressionListing>,
): Promise<Response> {
  const { q = '', after } = c.req.query();
  const wanted = q.trim();
  const isWhole = v.is(addressSchema, wanted);
  // A whole address is looked up on both lists; a part of one is looked for in what they have.
  const first = await withTimeout(
    isWhole ? reader.lookUp([wanted], c.req.raw.signal) : latest.read(),
    wanted === '' ? FIRST_LOOK_MS : 30_000,
  );
  if (first.kind === 'failed') throw first.error;
  const result =
    first.kind === 'done'
      ? listPart(first.value, { wanted, isWhole, from: Number(after ?? 0) || 0 }, desk)
      : html`${loading('Reading both lists')}<noscript></noscript><p><a class="button" href="${PATH}">Show what was read</a></p>`;
  return desk.show(c, {
    title: 'Suppression',
    path: PATH,
    isUnfinished: first.kind !== 'done',
    body: html`<p>Recipients to whom the fallback sends no mail. SMTP is not concerned.</p>
${searchForm(PATH, [{ name: 'q', label: 'Address, or a part of it', kind: 'search', value: q }])}
${desk.allowChanges ? html`<p class="buttons"><a class="button" href="${PATH}/add${isWhole ? `?address=${encodeURIComponent(wanted)}` : ''}">Suppress an address…</a></p>` : readOnly('mailctl suppression')}
${section('Suppressed', result, 'entries')}`,
  });
}

interface Shown {
  readonly wanted: string;
  readonly isWhole: boolean;
  readonly from: number;
}

function listPart(listing: SuppressionListing, { wanted, isWhole, from }: Shown, desk: Desk): Html {
  const now = desk.clock.now();
  const text = wanted.toLowerCase();
  const listed = listing.entries.filter(
    ({ address, pipeline, ses }) => (pipeline ?? ses) !== undefined && address.includes(text),
  );
  const rows = listed.slice(from, from + ROWS);
  const shown = (address: string) => (desk.showAddresses || isWhole ? address : maskAddress(address));
  const unread = listing.unavailable.map(({ list, why, fix }) =>
    missing(`The list of ${LIST_WORDS[list]}`, { why, fix }),
  );
  if (rows.length === 0) {
    const what = wanted === '' ? 'No address is suppressed' : 'That address is not suppressed';
    const limits =
      listing.unavailable.length > 0 ? 'That is as far as the lists could be read.' : 'Both lists were read.';
    return html`${unread}${empty(what, limits)}`;
  }
  return html`${unread}${table(
    'Suppressed addresses',
    [
      { title: 'Address', kind: 'wide' },
      { title: 'Pipeline' },
      { title: 'SES, whole account' },
      { title: 'Delivery' },
      { title: 'Do' },
    ],
    rows.map((entry) => [
      shown(entry.address),
      reasonCell(entry.pipeline, now),
      reasonCell(entry.ses, now),
      deliveryCell(entry.pipeline),
      desk.allowChanges
        ? html`<a class="button" href="${PATH}/remove?key=${keyOf(entry.address)}">Remove…</a>`
        : '–',
    ]),
  )}<p class="hint">${count(listed.length)} in all.</p>${pager(
    from + ROWS < listed.length ? `${PATH}?q=${encodeURIComponent(wanted)}&after=${from + ROWS}` : undefined,
    from > 0 ? `${PATH}?q=${encodeURIComponent(wanted)}` : undefined,
  )}`;
}

const LIST_WORDS = { pipeline: 'the pipeline', ses: 'SES' } as const;

function reasonCell(reason: SuppressionReason | undefined, now: Date): Content {
  return reason === undefined ? '–' : html`${badge('warn', reason.reason)} ${timeAndAge(reason.since, now)}`;
}

function deliveryCell(reason: SuppressionReason | undefined): Content {
  const id = reason?.deliveryId;
  return id === undefined ? '–' : deliveryLink(id);
}

/** An address that is masked stands in no link either. */
function keyOf(address: string): string {
  return createHash('sha256').update(address).digest('hex').slice(0, 24);
}

type How = 'add' | 'remove';

const WORDS = {
  add: {
    title: 'Suppress an address',
    does: 'It goes on the list of the pipeline as “manual”, and on that of SES, for the whole account, as a bounce. The fallback sends it no mail any more.',
    submit: 'Suppress it',
  },
  remove: {
    title: 'Remove a suppressed address',
    does: 'It is taken off both lists, and gets mail again. Bounces and complaints up to now no longer count; later ones do. Take care with complaints: who reported spam and gets more of it harms the reputation of the account.',
    submit: 'Remove it',
  },
} as const satisfies Record<How, unknown>;

function registerChange(
  app: Hono,
  desk: Desk,
  reader: SuppressionDesk,
  latest: Latest<SuppressionListing>,
  how: How,
): void {
  const { title, does, submit } = WORDS[how];
  const action = `${PATH}/${how}`;
  const addressIn = async (address: unknown, key: unknown): Promise<string | undefined> => {
    if (typeof key === 'string')
      return (await latest.read()).entries.find((entry) => keyOf(entry.address) === key)?.address;
    return v.is(addressSchema, address) ? address : undefined;
  };
  app.get(action, async (c) => {
    if (!desk.allowChanges) return refused(c, desk);
    const { address: given, key } = c.req.query();
    const address = await addressIn(given, key);
    if (address === undefined) {
      const wrong =
        given !== undefined &&
        notice('warn', html`<p>${given} is no bare address such as marie@example.org.</p>`);
      const form = searchForm(
        action,
        [{ name: 'address', label: 'Bare address', kind: 'email', required: true }],
        'Preview',
      );
      return desk.show(c, { title, path: PATH, body: html`${wrong}${form}` });
    }
    const listing = await reader.lookUp([address], c.req.raw.signal);
    const hidden: Record<string, string> = key === undefined ? { address } : { key };
    const isShown = key === undefined || desk.showAddresses;
    return desk.show(c, {
      title,
      path: PATH,
      body: html`<p><strong>${isShown ? address : maskAddress(address)}</strong>: ${does}</p>
${section('How it stands now', standing(listing, desk), 'now')}
${changeForm({ action, formToken: desk.formToken, hidden, submit, danger: how === 'remove', cancel: PATH })}`,
    });
  });
  app.post(action, async (c) => {
    if (!desk.allowChanges) return refused(c, desk);
    const form = await c.req.parseBody();
    const address = await addressIn(form.address, form.key);
    if (address === undefined)
      return desk.show(
        c,
        { title, path: PATH, body: notice('warn', html`<p>Nothing was changed: no such address.</p>`) },
        400,
      );
    const job = desk.jobs.start({
      title,
      back: PATH,
      run: async (signal, onProgress) => {
        onProgress(0, 1);
        const change = await reader[how](address, signal);
        latest.forget();
        return changePart(change);
      },
    });
    return c.redirect(`/jobs/${job.id}`, 303);
  });
}

function standing({ entries, unavailable }: SuppressionListing, desk: Desk): Html {
  const [entry] = entries;
  const now = desk.clock.now();
  const line = (name: string, reason: SuppressionEntry['pipeline']) =>
    html`<li>${name}: ${reason === undefined ? 'not listed' : reasonCell(reason, now)}</li>`;
  return html`<ul>${line('Pipeline', entry?.pipeline)}${line('SES', entry?.ses)}</ul>${unavailable.map(({ list, why, fix }) => missing(`The list of ${LIST_WORDS[list]}`, { why, fix }))}`;
}

const CHANGE_WORDS = { done: 'changed', unchanged: 'was so already' } as const;

function changePart(change: SuppressionChange): Html {
  return html`${(['pipeline', 'ses'] as const).map((list) => {
    const result = change[list];
    return result.kind === 'failed'
      ? missing(`The list of ${LIST_WORDS[list]} was not changed`, result)
      : notice('good', html`<p>The list of ${LIST_WORDS[list]}: ${CHANGE_WORDS[result.kind]}.</p>`);
  })}`;
}

function refused(c: Context, desk: Desk): Promise<Response> {
  return desk.show(c, { title: 'Read-only', path: PATH, body: readOnly('mailctl suppression') }, 403);
}
