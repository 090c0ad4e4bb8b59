/**
 * Chaos over the whole pipeline, or a named case of it. Exits with 1 if a mail was lost, came out twice without a
 * documented reason, or is misreported.
 *
 *   npm run chaos -- --mails 2000 --seed 7 --minutes 2
 *   npm run chaos -- --help
 */
import { parseArgs } from 'node:util';
import { runDatabaseAway } from './cases/database-away.ts';
import { runEverything } from './cases/everything.ts';
import { runFlappingSmtp } from './cases/flapping-smtp.ts';
import { runMalformed } from './cases/malformed.ts';
import { runRedrive } from './cases/redrive.ts';
import { runThriceDelivered } from './cases/thrice-delivered.ts';
import { knownNames, nameOf, scheduleOf } from './schedule.ts';

const HELP = `npm run chaos -- [--mails N] [--seed S] [--minutes M] [--only fault,...] [--json FILE] [--plan]
npm run chaos -- --case NAME [--mails N] [--json FILE]

The whole pipeline on this machine under a schedule of faults that follows from the seed alone. At the end every mail
is held against what SMTP and SES really accepted, and against what its row says. Exits with 1 if a mail was lost, went
out twice without a documented reason, or is misreported; 2 if an argument is wrong.

  --mails N       how many mails (2000; of a case, as in the table below)
  --seed S        the seed of mails and faults (a new one each time; it is printed)
  --minutes M     how long faults happen (a minute for 1000 mails, at most 15)
  --only F,...    only these faults, such as 4xx, smtp or smtp:4xx
  --plan          print the schedule of the seed, and run nothing
  --json FILE     write account, faults and plan to a file

Cases:
  flapping-smtp   the worker alone: SMTP fails every 2 s, a worker is killed every 3 s (20000)
  database        the worker alone: PostgreSQL goes away for less and for longer than a lease (20000)
  ledger          each message three times in the queue, responses lost, functions killed (5000; --kills N)
  redrive         a redrive of dead letters, killed twice (10000)
  malformed       malformed messages and events among good ones (--good 1000 --bad 100000)
`;

const { values } = parseArgs({
  options: {
    mails: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'string' },
    plan: { type: 'boolean', default: false },
    case: { type: 'string', default: 'everything' },
    kills: { type: 'string' },
    good: { type: 'string' },
    bad: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** Of an option that is a number. */
function numberOf(name: 'mails' | 'seed' | 'minutes' | 'kills' | 'good' | 'bad', otherwise: number): number {
  const given = values[name];
  const number = given === undefined ? otherwise : Number(given);
  if (!(number >= 0)) throw new WrongArgument(`--${name} is ${given}; it must be a number from 0`);
  return number;
}

class WrongArgument extends Error {}

function onlyOf(): readonly string[] | undefined {
  const only = values.only?.split(',');
  const unknown = only?.filter((name) => !knownNames().has(name)) ?? [];
  if (unknown.length === 0) return only;
  throw new WrongArgument(
    `--only has no fault ${unknown.join(', ')}; there are ${[...knownNames()].join(', ')}`,
  );
}

const json = values.json === undefined ? {} : { json: values.json };

const CASES: Readonly<Record<string, () => Promise<boolean>>> = {
  everything: () => {
    const mails = numberOf('mails', 2_000);
    const only = onlyOf();
    return runEverything({
      mails,
      seed: numberOf('seed', Date.now() % 100_000),
      minutes: minutesFor(mails),
      ...(only === undefined ? {} : { only }),
      ...json,
    });
  },
  'flapping-smtp': () => runFlappingSmtp(numberOf('mails', 20_000)),
  database: () => runDatabaseAway(numberOf('mails', 20_000)),
  ledger: () =>
    runThriceDelivered({
      mails: numberOf('mails', 5_000),
      kills: numberOf('kills', Number.POSITIVE_INFINITY),
    }),
  redrive: () => runRedrive(numberOf('mails', 10_000)),
  malformed: () =>
    runMalformed({
      good: numberOf('good', 1_000),
      bad: numberOf('bad', 100_000),
      seed: numberOf('seed', 1),
      ...json,
    }),
};

const MAX_MINUTES = 15;

function minutesFor(mails: number): number {
  return numberOf('minutes', Math.min(Math.max(mails / 1_000, 0.2), MAX_MINUTES));
}

function printPlan(): void {
  const only = onlyOf();
  const totalMs = minutesFor(numberOf('mails', 2_000)) * 60_000;
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  for (const fault of scheduleOf({
    seed: numberOf('seed', 1),
    totalMs,
    ...(only === undefined ? {} : { only }),
  }))
    console.log(
      `${seconds(fault.atMs).padStart(8)}  ${nameOf(fault).padEnd(22)}  for ${seconds(fault.durationMs)}`,
    );
}

async function run(): Promise<number> {
  if (values.help) console.log(HELP);
  else if (values.plan) printPlan();
  else {
    const chosen = CASES[values.case];
    if (chosen === undefined)
      throw new WrongArgument(`--case is ${values.case}; there are ${Object.keys(CASES).join(', ')}`);
    return (await chosen()) ? 0 : 1;
  }
  return 0;
}

try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof WrongArgument)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
