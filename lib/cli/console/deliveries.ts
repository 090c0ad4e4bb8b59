import { PostgresDeliveryRows } from '../../adapters/postgres/delivery-rows.ts';
import { type FoundPage, PostgresFoundRows } from '../../adapters/postgres/found-rows.ts';
import type { RowSearch } from '../../adapters/postgres/row-search.ts';
import type {
  DeliveryQuery,
  DeliveryReader,
  DeliverySummary,
  DeliveryView,
} from '../../console/sources/deliveries.ts';
import type { Source } from '../../console/sources/reading.ts';
import { askDatabase, databaseMissing, openDatabase } from '../lookups/database.ts';
import { type DeliveryFacts, deliveryFacts } from '../lookups/delivery-facts.ts';
import { openDeliverySources } from '../lookups/delivery-sources.ts';
import { formatMailCursor, parseMailCursor } from '../lookups/mail-cursor.ts';
import { type ShownRow, shownRow } from '../lookups/shown-rows.ts';
import { DEFAULT_SOFT_BOUNCES } from '../lookups/suppression-lists.ts';
import { buildTimeline } from '../lookups/timeline/build-timeline.ts';
import { type ShownPlace, shownTimeline } from '../lookups/timeline/shown-timeline.ts';
import type { ConsoleAccess } from './access.ts';

const PAGE = 50;

export interface OpenDeliveries {
  readonly source: Source<DeliveryReader>;
  close(): Promise<void>;
}

/** The rows of the outbox, and all that is known of one, by the same steps as `mailctl mails` and `mailctl status`. */
export function openDeliveries(access: ConsoleAccess): OpenDeliveries {
  const missing = databaseMissing(access.env);
  if (missing !== undefined) {
    const fix = 'set DATABASE_URL to its URL, and start the console again';
    return { source: { kind: 'missing', why: missing, fix }, close: async () => {} };
  }
  const found = openDatabase(access.env, (settings) => new PostgresFoundRows(settings));
  const rows = openDatabase(access.env, (settings) => new PostgresDeliveryRows(settings));
  const row = (id: string) => askDatabase(() => rows.find(id));
  return {
    source: {
      kind: 'open',
      reader: {
        search: async (query, { addresses }) => {
          const { rows: page, next } = await searchBy(found, query);
          return {
            rows: page.map((one) => summaryView(shownRow(one, addresses), one.createdAt)),
            next: next === undefined ? undefined : formatMailCursor(next),
          };
        },
        find: async (id, from, { addresses, signal }) => {
          const facts = await (from === 'all'
            ? factsOfAll(id, row, { ...access, signal })
            : factsOfRow(id, row, access));
          const timeline = buildTimeline(facts, access.clock.now(), access.commands);
          const isFound = timeline.known || facts.row.kind === 'failed';
          return isFound ? deliveryView(shownTimeline(facts, timeline, addresses)) : undefined;
        },
      },
    },
    close: async () => {
      await Promise.all([found.close(), rows.close()]);
    },
  };
}

/** What looks like an address is a recipient; an id may look like one, and is looked for if there is none. */
async function searchBy(found: PostgresFoundRows, query: DeliveryQuery): Promise<FoundPage> {
  const { text, cursor, ...filter } = query;
  const after = cursor === undefined ? undefined : parseMailCursor(cursor);
  const search: RowSearch = { ...filter, limit: PAGE, after };
  const ask = (by: Pick<RowSearch, 'to' | 'id'>) => askDatabase(() => found.search({ ...search, ...by }));
  if (text === undefined) return ask({});
  const page = text.includes('@') ? await ask({ to: text }) : undefined;
  return page === undefined || page.rows.length === 0 ? ask({ id: text }) : page;
}

type ReadRow = Extract<Parameters<typeof deliveryFacts>[1]['row'], (...all: never) => unknown>;

async function factsOfAll(id: string, row: ReadRow, access: ConsoleAccess): Promise<DeliveryFacts> {
  // The row is read by the connection of the console.
  const { sources, close } = openDeliverySources({ ...access, env: {} }, DEFAULT_SOFT_BOUNCES);
  try {
    return await deliveryFacts(id, { ...sources, row }, access.signal);
  } finally {
    await close();
  }
}

async function factsOfRow(id: string, row: ReadRow, { describe }: ConsoleAccess): Promise<DeliveryFacts> {
  const later = { kind: 'skipped', reason: 'it is being read' } as const;
  return {
    ...{ id, queue: later, deadLetters: later, parts: later, suppressed: later },
    row: await row(id).then(
      (value) => ({ kind: 'told', value }) as const,
      (error: unknown) => {
        const { why, fix } = describe(error);
        return { kind: 'failed', failure: { code: 'DATABASE', message: why, fix } } as const;
      },
    ),
  };
}

function summaryView(row: ShownRow, createdAt: Date | null): DeliverySummary {
  const { id, tenantId, to, state, provider, reason, failureClass } = row;
  return {
    ...{ id, state },
    tenantId: tenantId ?? undefined,
    to: to ?? undefined,
    by: provider ?? undefined,
    createdAt: createdAt ?? undefined,
    reason: reason ?? undefined,
    failureClass: failureClass ?? undefined,
  };
}

function deliveryView({ events, places, ...shown }: ReturnType<typeof shownTimeline>): DeliveryView {
  return {
    ...shown,
    events: events.map((event) => ({ ...event, at: new Date(event.at) })),
    places: Object.entries(places).map(([name, place]) => placeView(name, place)),
  };
}

function placeView(name: string, { state, detail, fix }: ShownPlace): DeliveryView['places'][number] {
  return { name, detail, state, missing: fix === undefined ? undefined : { why: detail, fix } };
}
