/**
 * Many rows and three workers, and the database goes away again and again, for less and for longer than a lease. No worker
 * dies, so no mail may come out twice. Prints the counts; exits with 1 if one was lost or came out twice.
 *
 *   npm run chaos:database -- [rows] [seconds away] [times] [seconds of a lease]
 */
import { setTimeout as delay } from 'node:timers/promises';
import { OutboxUnderTest, say, totalOf } from './outbox-under-test.ts';

const [rowsText = '20000', awayText = '15,80', timesText = '5', leaseText = '60'] = process.argv.slice(2);
const ROWS = Number(rowsText);
const AWAY_SECONDS = awayText.split(',').map(Number);
const TIMES = Number(timesText);
const WORKERS = 3;
/** Between two outages: mail flows again, and is in flight when the next one begins. */
const BACK_MS = 5_000;

/** Slow enough that mail is left for the last outage. */
const SMTP_BYTES_PER_SECOND = 8_000;

const settings = { OUTBOUND_POLL_INTERVAL_MS: '2000', OUTBOUND_LEASE_MS: String(Number(leaseText) * 1_000) };

async function run(): Promise<number> {
  say(`inserting ${ROWS} rows and starting ${WORKERS} workers`);
  const outbox = await OutboxUnderTest.start(ROWS);
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
    `rows ${ROWS}, taken by SMTP ${totalOf(arrivals, 'taken')}, handed over ${totalOf(arrivals, 'queued')}`,
  );
  console.log(`${outages} outages of ${AWAY_SECONDS.join(' and ')} s`);
  console.log(`lost: ${lost}`);
  console.log(`came out twice: ${twice}`);
  await outbox.close();
  return settled && lost === 0 && twice === 0 && left.every((code) => code === 0) ? 0 : 1;
}

process.exitCode = await run();
