/** The whole pipeline under a seeded schedule of faults; then every mail is accounted for. */
import { setTimeout as delay } from 'node:timers/promises';
import { MINUTE_MS } from '../../../lib/common/time.ts';
import { type Account, accountFor, type HappenedFault, type Observed } from '../account.ts';
import { begin, type FaultContext } from '../faults.ts';
import { type ChaosMail, mailsOf } from '../mails.ts';
import { Observer, readDeadLetters, readRows } from '../observer.ts';
import { type Left, PipelineUnderTest } from '../pipeline-under-test.ts';
import { accountRows, printFindings, progress, say, table, writeJson } from '../report.ts';
import { nameOf, type PlannedFault, scheduleOf } from '../schedule.ts';

export interface EverythingOptions {
  readonly mails: number;
  readonly seed: number;
  /** How long mails are inserted and faults happen. */
  readonly minutes: number;
  readonly only?: readonly string[];
  readonly json?: string;
}

const WORKERS = 3;
const RESEND_FUNCTIONS = 4;
const FEEDBACK_FUNCTIONS = 2;

/** Faults go on while mail is still inserted, and a little longer. */
const INSERTING_SHARE = 0.8;
const INSERT_EVERY_MS = 500;

/** The drain takes longer the more mails there are; by then a run is stuck. */
const DRAIN_PATIENCE_MS = 15 * MINUTE_MS;
const LOOK_AGAIN_MS = 1_000;

/** @returns whether every mail is where it should be */
export async function runEverything(options: EverythingOptions): Promise<boolean> {
  const { mails: count, seed, minutes, only } = options;
  const totalMs = Math.round(minutes * MINUTE_MS);
  const plan = scheduleOf({ seed, totalMs, ...(only === undefined ? {} : { only }) });
  const insertingMs = totalMs * INSERTING_SHARE;
  const mails = mailsOf({ count, seed, overMs: insertingMs });
  say(`${count} mails and ${plan.length} faults within ${Math.round(totalMs / 1000)} s, seed ${seed}`);
  const pipeline = await PipelineUnderTest.start({
    seed,
    workers: WORKERS,
    resendFunctions: RESEND_FUNCTIONS,
    feedbackFunctions: FEEDBACK_FUNCTIONS,
  });
  const run = new Run(pipeline, mails);
  const reporting = progress(() => run.progressLine());
  try {
    await Promise.all([run.insert(insertingMs), run.disturb(plan)]);
    const drained = await run.drain();
    reporting.stop();
    return await run.account(drained, { ...options, plan });
  } finally {
    reporting.stop();
    await pipeline.close();
  }
}

class Run {
  readonly #pipeline: PipelineUnderTest;
  readonly #mails: readonly ChaosMail[];
  readonly #observer: Observer;
  readonly #startedMs = Date.now();
  readonly #insertedAtMs = new Map<string, number>();
  readonly #happened: HappenedFault[] = [];
  readonly #now = new Set<string>();
  readonly #context: FaultContext;
  #faultsEndedMs = 0;

  constructor(pipeline: PipelineUnderTest, mails: readonly ChaosMail[]) {
    this.#pipeline = pipeline;
    this.#mails = mails;
    this.#observer = new Observer(pipeline);
    this.#context = { pipeline, poisons: { messages: [], events: [] } };
  }

  /** In small batches, spread over the time. */
  async insert(overMs: number): Promise<void> {
    const batches = Math.max(1, Math.floor(overMs / INSERT_EVERY_MS));
    const size = Math.ceil(this.#mails.length / batches);
    for (let start = 0; start < this.#mails.length; start += size) {
      const due = this.#startedMs + (start / this.#mails.length) * overMs;
      await delay(Math.max(0, due - Date.now()));
      const batch = this.#mails.slice(start, start + size);
      await this.#pipeline.insert(batch);
      for (const { id } of batch) this.#insertedAtMs.set(id, Date.now());
    }
  }

  /** Every fault of the plan, each at its time; afterwards nothing is wrong any more. */
  async disturb(plan: readonly PlannedFault[]): Promise<void> {
    await Promise.all(plan.map((planned) => this.#disturbOnce(planned)));
    const { services } = this.#pipeline;
    services.ses.clearDisturbances();
    services.ses.releaseEvents();
    this.#faultsEndedMs = Date.now();
  }

  async #disturbOnce(planned: PlannedFault): Promise<void> {
    await delay(Math.max(0, this.#startedMs + planned.atMs - Date.now()));
    const name = nameOf(planned);
    this.#now.add(name);
    const fromMs = Date.now();
    const end = await untilDone(() => begin(planned, this.#context));
    await delay(Math.max(0, this.#startedMs + planned.atMs + planned.durationMs - Date.now()));
    await untilDone(async () => end());
    this.#now.delete(name);
    this.#happened.push({ ...planned, fromMs, toMs: Date.now() });
  }

  /** Waits until nothing is on its way any more. @returns false if it takes too long */
  async drain(): Promise<boolean> {
    const { services } = this.#pipeline;
    const endMs = Date.now() + DRAIN_PATIENCE_MS;
    let empty = 0;
    while (Date.now() < endMs) {
      await services.ses.eventsSettled();
      const { deadLetters: _, ...left } = await this.#pipeline.left();
      empty = Object.values(left).every((count) => count === 0) ? empty + 1 : 0;
      // Between two queues a message is in none for a moment.
      if (empty === 2) return true;
      await delay(LOOK_AGAIN_MS);
    }
    return false;
  }

  async progressLine(): Promise<string> {
    const left = await this.#pipeline.left();
    const seconds = Math.round((Date.now() - this.#startedMs) / 1000);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    const faults = this.#now.size === 0 ? 'no faults' : [...this.#now].join(' ');
    return `${time} inserted ${this.#insertedAtMs.size}, by SMTP ${this.#observer.bySmtp}, by SES ${this.#observer.bySes}; waiting: ${describeLeft(left)}; ${faults}`;
  }

  async account(
    drained: boolean,
    { json, plan, ...options }: EverythingOptions & { readonly plan: readonly PlannedFault[] },
  ): Promise<boolean> {
    const pipeline = this.#pipeline;
    await pipeline.lookedUp();
    const { services } = pipeline;
    const letters = await readDeadLetters(services, this.#context.poisons);
    const observed: Observed = {
      mails: this.#mails.map((mail) => ({ ...mail, insertedAtMs: this.#insertedAtMs.get(mail.id) ?? 0 })),
      acceptances: this.#observer.acceptances(),
      rows: await readRows(pipeline),
      deadLetters: letters.ofMails,
      faults: this.#happened,
      inHandOfKilled: pipeline.inHandOfKilled,
      faultsEndedMs: this.#faultsEndedMs,
    };
    const account = accountFor(observed);
    const isRight = drained && isClean(account) && letters.missing.length + letters.strange.length === 0;
    const replay = replayLine(options);
    console.log(
      table([
        ...accountRows(account),
        ['poisons put in between', letters.poisons],
        ['of these not among the dead letters', letters.missing.length],
        ['dead letters of neither', letters.strange.length],
        ['faults', this.#happened.length],
        ['drained', drained ? 'yes' : `no, left are ${describeLeft(await pipeline.left())}`],
        ['time', `${Math.round((Date.now() - this.#startedMs) / 1000)} s`],
      ]),
    );
    for (const finding of ['lost', 'twiceUnexplained', 'late', 'misreported'] as const)
      printFindings(finding, account[finding]);
    printFindings('poison missing', letters.missing);
    printFindings('strange dead letter', letters.strange);
    console.log(
      `seed ${options.seed}: ${isRight ? 'every mail is accounted for' : 'NOT right'}; again: ${replay}`,
    );
    await writeJson(json, {
      ...options,
      isRight,
      drained,
      replay,
      account,
      deadLetters: { ...letters, byCause: Object.fromEntries(letters.byCause) },
      evidence: evidenceOf(account, observed),
      faults: this.#happened,
      plan,
    });
    return isRight;
  }
}

/** All that is known of the mails with which something is wrong. */
function evidenceOf({ lost, twiceUnexplained, late, misreported }: Account, observed: Observed) {
  const ids = new Set([...lost, ...twiceUnexplained, ...late, ...misreported].map(({ id }) => id));
  return Object.fromEntries(
    [...ids].map((id) => [
      id,
      {
        mail: observed.mails.find((mail) => mail.id === id),
        row: observed.rows.get(id),
        acceptances: observed.acceptances.filter((acceptance) => acceptance.id === id),
      },
    ]),
  );
}

function isClean({ lost, twiceUnexplained, late, misreported }: Account): boolean {
  return lost.length + twiceUnexplained.length + late.length + misreported.length === 0;
}

function replayLine({ mails, seed, minutes, only }: Omit<EverythingOptions, 'json'>): string {
  const choice = only === undefined ? '' : ` --only ${only.join(',')}`;
  return `npm run chaos -- --mails ${mails} --seed ${seed} --minutes ${minutes}${choice}`;
}

function describeLeft({ rows, fallback, events, receipts, deadLetters }: Left): string {
  const shown = (count: number | undefined) => count ?? '?';
  return `rows ${shown(rows)}, messages ${shown(fallback)}, events ${shown(events)}, receipts ${shown(receipts)}, dead letters ${shown(deadLetters)}`;
}

const TRIES = 100;

/** A fault is made through services that another fault may disturb. */
async function untilDone<T>(act: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await act();
    } catch (error) {
      if (tries === TRIES) throw error;
      await delay(200);
    }
  }
}
