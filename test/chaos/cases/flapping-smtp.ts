/**
 * Many rows, three workers, an SMTP server that fails in a different way every two seconds, and every three
 * seconds a worker is killed with SIGKILL and replaced. Afterwards every row must have been sent or queued,
 * and every mail sent twice must have an unavoidable reason. Prints the counts.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { SmtpBehaviour } from '../../../lib/emulators/smtp/smtp-behaviour.ts';
import type { WorkerProcess } from '../../../lib/emulators/worker-process.ts';
import { type Arrivals, OutboxUnderTest, totalOf } from '../outbox-under-test.ts';
import { say } from '../report.ts';

const WORKERS = 3;
const FLAP_MS = 2_000;
const KILL_MS = 3_000;
const LEASE_MS = 5_000;

/** One after another, each between two healthy periods. */
const FAILURES: readonly (readonly SmtpBehaviour[])[] = [
  [{ kind: 'refused' }],
  [{ kind: 'break', at: 'final-dot', by: 'reset' }],
  [{ kind: 'blackhole' }],
  [{ kind: 'break', at: 'body', by: 'reset' }],
  [{ kind: 'final-reply', reply: '451 4.3.0 Try again later' }],
  [{ kind: 'break', at: 'mail', by: 'close' }],
];

interface Chaos {
  readonly outbox: OutboxUnderTest;
  readonly startWorker: () => Promise<WorkerProcess>;
  readonly over: AbortSignal;
}

async function flap({ outbox: { smtp }, over }: Chaos): Promise<number> {
  let failures = 0;
  while (!over.aborted) {
    await smtp.behave({ kind: 'healthy' });
    await delay(FLAP_MS, undefined, { signal: over }).catch(() => {});
    await smtp.behave(...(FAILURES[failures % FAILURES.length] ?? []));
    failures += 1;
    await delay(FLAP_MS, undefined, { signal: over }).catch(() => {});
  }
  return failures;
}

/** Returns the ids that a killed worker had leased: only for those may the result be unknown. */
async function killWorkers(
  chaos: Chaos,
  workers: WorkerProcess[],
): Promise<{ kills: number; inHand: Set<string> }> {
  const inHand = new Set<string>();
  let kills = 0;
  for (;;) {
    await delay(KILL_MS, undefined, { signal: chaos.over }).catch(() => {});
    if (chaos.over.aborted) return { kills, inHand };
    const victim = workers[kills % workers.length];
    await victim?.kill();
    kills += 1;
    for (const id of await leasedBy(chaos.outbox, victim?.pid)) inHand.add(id);
    workers[(kills - 1) % workers.length] = await chaos.startWorker();
  }
}

async function leasedBy({ pool }: OutboxUnderTest, pid: number | undefined): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM outbound_deliveries WHERE lease_owner LIKE '%-' || $1 || '-%'`,
    [String(pid)],
  );
  return rows.map(({ id }) => id);
}

function countWrong(
  arrivals: Map<string, Arrivals>,
  inHand: ReadonlySet<string>,
  different: ReadonlySet<string>,
): number {
  let lost = 0;
  const twice = {
    'its worker was killed with it in hand, both in the queue under one id with the same bytes': 0,
    'its worker was killed with it in hand, one of them by SMTP': 0,
    'the server took it and its answer was lost': 0,
    unexplained: 0,
  };
  const unexplained: string[] = [];
  for (const [id, { taken, unanswered, queued }] of arrivals) {
    if (taken + queued === 0) lost += 1;
    if (taken + unanswered + queued < 2) continue;
    if (inHand.has(id) && taken + unanswered === 0 && !different.has(id)) {
      twice['its worker was killed with it in hand, both in the queue under one id with the same bytes'] += 1;
    } else if (inHand.has(id) && !different.has(id))
      twice['its worker was killed with it in hand, one of them by SMTP'] += 1;
    else if (unanswered > 0 && taken + queued === 1) twice['the server took it and its answer was lost'] += 1;
    else {
      twice.unexplained += 1;
      unexplained.push(id);
    }
  }
  console.log(
    `rows ${arrivals.size}, taken by SMTP ${totalOf(arrivals, 'taken')}, handed over ${totalOf(arrivals, 'queued')}, cut off at the answer ${totalOf(arrivals, 'unanswered')}`,
  );
  console.log(`lost: ${lost}`);
  for (const [reason, ids] of Object.entries(twice)) console.log(`came out twice, ${reason}: ${ids}`);
  for (const id of unexplained.slice(0, 20)) console.log(`  ${id}: ${JSON.stringify(arrivals.get(id))}`);
  return lost + twice.unexplained;
}

/** @returns whether no mail was lost, and none sent twice without such a reason */
export async function runFlappingSmtp(rows: number): Promise<boolean> {
  say(`inserting ${rows} rows and starting ${WORKERS} workers`);
  const outbox = await OutboxUnderTest.start(rows);
  const over = new AbortController();
  const startWorker = () =>
    outbox.startWorker({
      OUTBOUND_LEASE_MS: String(LEASE_MS),
      // No worker lives long enough for the default.
      OUTBOUND_TAKE_OVER_DELAY_MS: String(KILL_MS),
    });
  const chaos: Chaos = { outbox, startWorker, over: over.signal };
  const workers = await Promise.all(Array.from({ length: WORKERS }, startWorker));
  const started = performance.now();
  const flapping = flap(chaos);
  const killing = killWorkers(chaos, workers);
  const settled = await outbox.untilSettled();
  over.abort();
  const [failures, { kills, inHand }] = await Promise.all([flapping, killing]);
  const seconds = Math.round((performance.now() - started) / 1000);
  await Promise.all(workers.map((worker) => worker.stop()));
  say('counting what came out');
  const { arrivals, differentMails } = await outbox.countArrivals();
  const wrong = countWrong(arrivals, inHand, differentMails);
  console.log(`${seconds} s, the server failed ${failures} times, ${kills} workers were killed`);
  await outbox.close();
  return settled && wrong === 0;
}
