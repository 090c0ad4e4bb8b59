/**
 * Many rows and three workers, and the database goes away again and again, for less and for longer than a lease. No worker
 * dies, so no mail may come out twice. Prints the counts.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { OutboxUnderTest, totalOf } from '../outbox-under-test.ts';
import { say } from '../report.ts';

const WORKERS = 3;
const LEASE_SECONDS = 60;
/** Less and more than a lease. */
const AWAY_SECONDS = [15, 80];
const TIMES = 5;
/** Between two outages: mail flows again, and is in flight when the next one begins. */
const BACK_MS = 5_000;

/** Slow enough that mail is left for the last outage. */
const SMTP_BYTES_PER_SECOND = 8_000;

const settings = { OUTBOUND_POLL_INTERVAL_MS: '2000', OUTBOUND_LEASE_MS: String(LEASE_SECONDS * 1_000) };

/** @returns whether no mail was lost or came out twice */
export async function runDatabaseAway(rows: number): Promise<boolean> {
  say(`inserting ${rows} rows and starting ${WORKERS} workers`);
  const outbox = await OutboxUnderTest.start(rows);
  await outbox.smtp.behave({ kind: 'slow', bytesPerSecond: SMTP_BYTES_PER_SECOND });
  const workers = await Promise.all(Array.from({ length: WORKERS }, () => outbox.startWorker(settings)));
  let outages = 0;
  for (let turn = 0; turn < TIMES; turn += 1) {
    for (const seconds of AWAY_SECONDS) {
      await delay(BACK_MS);
      if ((await outbox.left()) === 0) break;
      say(`the database is away for ${seconds} s`);
      // Alternately as at a shutdown and as at a power failure.
      await outbox.postgres.stop(outages % 2 === 0 ? 'immediate' : 'fast');
      await delay(seconds * 1_000);
      await outbox.postgres.start();
      outages += 1;
    }
  }
  await outbox.smtp.behave({ kind: 'healthy' });
  const settled = await outbox.untilSettled();
  const left = await Promise.all(workers.map((worker) => worker.stop()));
  const { arrivals } = await outbox.countArrivals();
  const timesOut = [...arrivals.values()].map(({ taken, queued }) => taken + queued);
  const lost = timesOut.filter((times) => times === 0).length;
  const twice = timesOut.filter((times) => times > 1).length;
  console.log(
    `rows ${rows}, taken by SMTP ${totalOf(arrivals, 'taken')}, handed over ${totalOf(arrivals, 'queued')}`,
  );
  console.log(`${outages} outages of ${AWAY_SECONDS.join(' and ')} s`);
  console.log(`lost: ${lost}`);
  console.log(`came out twice: ${twice}`);
  await outbox.close();
  return settled && lost === 0 && twice === 0 && left.every((code) => code === 0);
}
