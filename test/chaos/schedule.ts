/** Which fault happens when: a pure function of the seed, so that a run can be replayed. */
import { type SeededRandom, seededRandom } from '../../lib/emulators/ses/event-faults.ts';

/** A part of the pipeline, and what can happen to it. Of one part, one fault happens at a time. */
interface Part {
  readonly targets: readonly string[];
  readonly faults: readonly string[];
  /** The share of the time in which something is wrong with it. */
  readonly busy: number;
}

/** What fails on the way of every HTTP call. */
const HTTP_FAULTS = ['5xx', 'throttled', 'answer-lost', 'reset', 'latency'];

const PARTS: readonly Part[] = [
  {
    targets: ['smtp'],
    faults: [
      'refused',
      'never-greets',
      '4xx',
      '5xx',
      'drops-after-data',
      'drops-in-data',
      'reset',
      'latency',
    ],
    busy: 0.6,
  },
  { targets: ['sqs'], faults: [...HTTP_FAULTS, 'part-failed'], busy: 0.35 },
  { targets: ['s3'], faults: HTTP_FAULTS, busy: 0.35 },
  { targets: ['dynamodb'], faults: HTTP_FAULTS, busy: 0.3 },
  { targets: ['ses'], faults: HTTP_FAULTS, busy: 0.4 },
  { targets: ['events'], faults: ['duplicated', 'delayed', 'reordered', 'withheld', 'poisoned'], busy: 0.5 },
  { targets: ['messages'], faults: ['duplicated', 'poisoned'], busy: 0.4 },
  { targets: ['worker'], faults: ['killed', 'killed', 'clock-jumped'], busy: 0.3 },
  { targets: ['resend', 'feedback'], faults: ['killed', 'killed', 'clock-jumped'], busy: 0.3 },
  {
    targets: ['postgres'],
    faults: ['restarted', 'read-only', 'disk-full', 'reset', 'latency'],
    busy: 0.3,
  },
];

export interface PlannedFault {
  /** From the start of the faults. */
  readonly atMs: number;
  readonly fault: string;
  readonly target: string;
  readonly durationMs: number;
  /** From 0 up to 1: how late, how far a clock jumps, which of several processes. */
  readonly strength: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  /** When the last fault has ended. */
  readonly totalMs: number;
  /** Names of faults or targets, or both as `smtp:4xx`. @default all */
  readonly only?: readonly string[];
}

/** As `--only` names it, and as reports show it. */
export function nameOf({ target, fault }: Pick<PlannedFault, 'target' | 'fault'>): string {
  return `${target}:${fault}`;
}

/** All that `--only` can name. */
export function knownNames(): ReadonlySet<string> {
  return new Set(
    PARTS.flatMap(({ targets, faults }) =>
      targets.flatMap((target) => [target, ...faults.flatMap((fault) => [fault, nameOf({ target, fault })])]),
    ),
  );
}

/** Longer faults than this teach no more. */
const MAX_TURN_MS = 12_000;

/** Every part has at least this many faults in a run, if only short ones. */
const MIN_TURNS = 3;

/** The faults of a run in the order in which they begin. */
export function scheduleOf(options: ScheduleOptions): PlannedFault[] {
  return PARTS.flatMap((part, index) => turnsOf(part, index, options)).sort(
    (one, other) => one.atMs - other.atMs,
  );
}

/** Each part has random numbers of its own, so that leaving out one changes nothing about the others. */
function turnsOf(part: Part, index: number, { seed, totalMs, only }: ScheduleOptions): PlannedFault[] {
  const random = seededRandom(seed * 1_000 + index);
  const choices = part.targets
    .flatMap((target) => part.faults.map((fault) => ({ target, fault })))
    .filter((choice) => isMeant(choice, only));
  if (choices.length === 0) return [];
  const turnMs = Math.min(MAX_TURN_MS, totalMs / MIN_TURNS);
  const turns: PlannedFault[] = [];
  let untilMs = 0;
  while (true) {
    const atMs = Math.round(untilMs + about(turnMs * (1 - part.busy), random));
    const durationMs = Math.round(about(turnMs * part.busy, random));
    const choice = choices[Math.floor(random() * choices.length)];
    const strength = random();
    if (choice === undefined || atMs + durationMs > totalMs) return turns;
    turns.push({ atMs, ...choice, durationMs, strength });
    untilMs = atMs + durationMs;
  }
}

/** From half of it to one and a half. */
function about(ms: number, random: SeededRandom): number {
  return ms * (0.5 + random());
}

function isMeant(
  choice: Pick<PlannedFault, 'target' | 'fault'>,
  only: readonly string[] | undefined,
): boolean {
  return (
    only === undefined || [choice.target, choice.fault, nameOf(choice)].some((name) => only.includes(name))
  );
}
