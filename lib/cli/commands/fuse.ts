import type { Command } from 'commander';
import type { QueueCounts } from '../../adapters/sqs/dlq-client.ts';
import {
  FUSE_RESET_MS,
  FUSE_RESET_RATES,
  FUSE_TRIP_RATES,
  isHolding,
  type ReputationFuse,
  resetFuse,
} from '../../domain/reputation-fuse.ts';
import type { SendingStateStore } from '../../ports/sending.ts';
import type { CommandContext, RunCommand } from '../context.ts';
import { EXIT, type ExitCode, OperatorError } from '../errors.ts';
import { openSending, totalOf } from '../lookups/sending.ts';
import { timeAndAge } from '../terminal.ts';

const NOTES = `
When bounces or complaints near the level at which AWS reviews the account, the fuse trips: mail that is not urgent, to
addresses that were never delivered to, is held in a queue of its own. It resets by itself when the rates have fallen.

Exit codes: 0 it holds nothing; 1 it has tripped, or held mail waits; 2 error.

Examples:
  mailctl fuse
  mailctl --stage prod --json fuse | jq .data.fuse
  mailctl fuse reset`;

const RESET_NOTES = `
Held mail goes out within minutes, and no mail is held for a day, whatever the rates are: they fall only with mail that
is sent. Stop first what the bounces or complaints come from. The setting reputationFuse turns it off for good.

Exit codes: 0 it is reset; 1 nothing was to be reset; 2 error, or not confirmed.`;

/** `mailctl fuse`: whether bounces and complaints hold mail, and the reset. */
export function registerFuse(program: Command, run: RunCommand): void {
  const fuse = program
    .command('fuse')
    .description('show whether the reputation fuse holds mail, and reset it')
    .addHelpText('after', NOTES)
    .action(() => run(showFuse));
  fuse
    .command('reset')
    .description('let held mail go out, and hold none for a day')
    .addHelpText('after', RESET_NOTES)
    .action(() => run(reset));
}

type FuseState = 'not-tripped' | 'holds' | 'reset';

interface FuseReport {
  readonly state: FuseState;
  readonly fuse: {
    readonly cause: ReputationFuse['cause'];
    readonly rate: number;
    readonly tripsAt: number;
    readonly resetsBelow: number;
    readonly trippedAt: string;
    readonly resetUntil: string | null;
  } | null;
  readonly held: QueueCounts;
}

async function showFuse(context: CommandContext): Promise<ExitCode> {
  const sending = await openSending(context);
  const [{ state }, held] = await Promise.all([sending.state.read(), sending.counts('held')]);
  const now = new Date();
  const report = reportOf(state.fuse, held, now);
  context.terminal.result(report, () => renderFuse(report, now));
  return report.state === 'holds' || totalOf(held) > 0 ? EXIT.warning : EXIT.ok;
}

async function reset(context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const sending = await openSending(context);
  const [{ state }, held] = await Promise.all([sending.state.read(), sending.counts('held')]);
  const { fuse } = state;
  if (!isHolding(fuse, Date.now())) {
    const report = reportOf(fuse, held, new Date());
    terminal.result(report, () => `Nothing to reset. ${renderFuse(report, new Date())}`);
    return EXIT.warning;
  }
  const question = `${describeRate(fuse)}. Let ${totalOf(held)} held mails go out, and hold none for ${HOURS} hours?`;
  if (!(await terminal.confirm(question))) {
    throw new OperatorError('NOT_CONFIRMED', 'nothing was changed', 'answer with yes, or give --yes');
  }
  const changed = await writeReset(sending.state);
  const now = new Date();
  const report = reportOf(changed, held, now);
  terminal.result(report, () => renderFuse(report, now));
  return EXIT.ok;
}

const HOURS = FUSE_RESET_MS / 3_600_000;

/** Of a state that many functions write at once. */
const MAX_WRITES = 50;

/** @returns the fuse that holds then; undefined if the rates have fallen meanwhile */
async function writeReset(store: SendingStateStore): Promise<ReputationFuse | undefined> {
  for (let writes = 0; writes < MAX_WRITES; writes += 1) {
    const seen = await store.read();
    if (seen.state.fuse === undefined) return undefined;
    const fuse = resetFuse(seen.state.fuse, Date.now());
    if ((await store.write({ ...seen.state, fuse }, seen)) !== undefined) return fuse;
  }
  throw new OperatorError(
    'STATE_BUSY',
    'the functions changed the sending state each time before this could',
    'run it again',
  );
}

function reportOf(fuse: ReputationFuse | undefined, held: QueueCounts, now: Date): FuseReport {
  if (fuse === undefined) return { state: 'not-tripped', fuse: null, held };
  const { cause, rate, trippedAtMs, resetUntilMs } = fuse;
  return {
    state: isHolding(fuse, now.getTime()) ? 'holds' : 'reset',
    fuse: {
      cause,
      rate,
      tripsAt: FUSE_TRIP_RATES[cause],
      resetsBelow: FUSE_RESET_RATES[cause],
      trippedAt: new Date(trippedAtMs).toISOString(),
      resetUntil: resetUntilMs === undefined ? null : new Date(resetUntilMs).toISOString(),
    },
    held,
  };
}

function renderFuse({ fuse, state, held }: FuseReport, now: Date): string {
  const waiting = `Held: ${held.waiting} wait, ${held.inFlight} are in hand or wait for their next look.`;
  if (fuse === null) return `The fuse has not tripped. ${waiting}`;
  const since = `since ${timeAndAge(new Date(fuse.trippedAt), now)}`;
  const rates = `${describeRate(fuse)}; it trips at ${percent(fuse.tripsAt)} and resets below ${percent(fuse.resetsBelow)}`;
  const until = timeAndAge(new Date(fuse.resetUntil ?? fuse.trippedAt), now);
  const what =
    state === 'holds'
      ? `The fuse holds mail ${since}`
      : `The fuse was reset and holds no mail until ${until}`;
  return `${what}: ${rates}. ${waiting}`;
}

function describeRate({ cause, rate }: Pick<ReputationFuse, 'cause' | 'rate'>): string {
  return `the ${cause.replace('-', ' ')} is ${percent(rate)}`;
}

/** Without the digits of binary fractions. */
const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`;
