import { S3PayloadSource } from '../../adapters/s3/s3-payload-source.ts';
import { HOUR_MS } from '../../common/time.ts';
import type {
  DeadLetterCause,
  DeadLetterDesk,
  DeadLetterOutcome,
  DeadLetterRun,
  DeadLetterSummary,
  DeadLetterView,
} from '../../console/sources/dead-letters.ts';
import { type DeadLetter, matchesFilter, scanDeadLetters } from '../lookups/dead-letters.ts';
import { fixForCause } from '../lookups/dlq/cause-fixes.ts';
import { type CauseGroup, CauseGroups } from '../lookups/dlq/causes.ts';
import { type DeadLetterDetails, describeDeadLetter } from '../lookups/dlq/dead-letter-details.ts';
import {
  DROPS_PER_SECOND,
  dropDeadLetters,
  openDropRecord,
  operatorName,
  planDrop,
} from '../lookups/dlq/drop-dead-letters.ts';
import { openDlqClients } from '../lookups/dlq/open-queues.ts';
import { type ProcessDeps, type ProcessOutcome, RateLimiter } from '../lookups/dlq/process-dead-letters.ts';
import { planRedrive, redriveDeadLetters } from '../lookups/dlq/redrive-dead-letters.ts';
import type { ConsoleAccess } from './access.ts';

/** As `mailctl dlq redrive`. */
const REDRIVES_PER_SECOND = 10;

/** Enough for a payload of 40 MB over a slow connection. */
const PAYLOAD_TIMEOUT_MS = 60_000;

/** The dead letters of a deployment, by the same steps as `mailctl dlq`. */
export function openDeadLetters(access: ConsoleAccess): DeadLetterDesk {
  const { aws, clock, describe, recordPath } = access;
  const open = (signal: AbortSignal) => openDlqClients({ ...access, signal });
  return {
    survey: async (signal) => {
      const groups = new CauseGroups();
      const { survey } = await open(signal);
      const { seen, inFlight, complete } = await scanDeadLetters(survey, (letter) => {
        groups.add(letter);
        return true;
      });
      return { causes: groups.groups.map(causeView), seen, inFlight, isComplete: complete };
    },
    list: async (choice, limit, signal) => {
      const letters: DeadLetterSummary[] = [];
      let more = 0;
      const { survey } = await open(signal);
      const { inFlight } = await scanDeadLetters(survey, (letter) => {
        if (!matchesFilter(choice, letter)) return true;
        if (letters.length < limit) letters.push(summaryView(letter));
        else more += 1;
        return true;
      });
      const newestFirst = letters.toSorted((one, other) => other.since.getTime() - one.since.getTime());
      return { letters: newestFirst, more, inFlight };
    },
    show: async (id, reveal, signal) => {
      let found: DeadLetter | undefined;
      const { survey, payloadBucket } = await open(signal);
      await scanDeadLetters(survey, (letter) => {
        if (matchesFilter({ by: 'id', id }, letter)) found = letter;
        return found === undefined;
      });
      if (found === undefined) return undefined;
      const payloads = async () => new S3PayloadSource(await aws.s3(), payloadBucket, PAYLOAD_TIMEOUT_MS);
      return letterView(found, await describeDeadLetter(found, reveal, payloads));
    },
    planRedrive: async ({ choice, extendHours }, signal) => {
      const { survey } = await open(signal);
      const extendMs = extendHours === undefined ? undefined : extendHours * HOUR_MS;
      const { deadLetters, causes, staying, inFlight } = await planRedrive(
        { choice, extendMs },
        clock.now(),
        survey,
      );
      const chosen = new Set(deadLetters.map(({ queueMessageId }) => queueMessageId));
      return {
        count: chosen.size,
        causes: causes.map(causeView),
        staying: stayingOf({ ...staying, inFlight }),
        run: async (run) => {
          const { deadLetters: box, resubmission } = await open(run.signal);
          const deps = processDeps(box, REDRIVES_PER_SECOND, chosen.size, run);
          const outcome = await redriveDeadLetters(chosen, { ...deps, resubmission, clock, extendMs });
          const both =
            outcome.inBoth === 0
              ? []
              : [
                  `${outcome.inBoth} in both queues: redrive again; the ledger keeps them from being sent twice`,
                ];
          return {
            done: outcome.done,
            left: [...both, ...leftOf(outcome, run, describe)],
            record: undefined,
          };
        },
      };
    },
    planDrop: async (choice, signal) => {
      const { survey } = await open(signal);
      const { deadLetters, causes, inFlight } = await planDrop(choice, survey);
      const chosen = new Set(deadLetters.map(({ queueMessageId }) => queueMessageId));
      return {
        count: chosen.size,
        causes: causes.map(causeView),
        staying: stayingOf({ unreadable: 0, expired: 0, inFlight }),
        run: async (run, because = '') => {
          await openDropRecord(recordPath);
          const { deadLetters: box } = await open(run.signal);
          const deps = processDeps(box, DROPS_PER_SECOND, chosen.size, run);
          const reason = { because, by: operatorName() };
          const outcome = await dropDeadLetters(chosen, { ...deps, clock, recordPath, reason });
          return { done: outcome.done, left: leftOf(outcome, run, describe), record: recordPath };
        },
      };
    },
  };
}

function processDeps(
  box: ProcessDeps['box'],
  perSecond: number,
  total: number,
  { signal, onProgress }: DeadLetterRun,
): ProcessDeps {
  return {
    box,
    pace: new RateLimiter(perSecond),
    signal,
    progress: { set: (done) => onProgress(done, total), stop: () => {} },
  };
}

function leftOf(
  { failed, missing, broken }: ProcessOutcome,
  { signal }: DeadLetterRun,
  describe: ConsoleAccess['describe'],
): DeadLetterOutcome['left'] {
  const refused = [...failed].map(([code, count]) => `${count} left: SQS answered ${code}`);
  if (broken !== undefined) {
    const { why, fix } = describe(broken.error);
    return [...refused, `${missing} left, since it stopped: ${why}. ${fix}`];
  }
  if (missing === 0) return refused;
  const why = signal.aborted ? 'it was stopped' : 'not seen again: another run works on them';
  return [...refused, `${missing} left: ${why}. Repeat it to go on.`];
}

function stayingOf({
  unreadable,
  expired,
  inFlight,
}: Readonly<Record<'unreadable' | 'expired' | 'inFlight', number>>) {
  return [
    { count: unreadable, why: 'cannot be read, by the resend function neither' },
    { count: expired, why: 'expired: give them more hours to send them all the same' },
    {
      count: inFlight,
      why: 'in flight: another run is processing them, or they are visible again in a few minutes',
    },
  ].filter(({ count }) => count > 0);
}

function causeView({ cause, deadLetters, oldest, newest, example }: CauseGroup): DeadLetterCause {
  return { cause, count: deadLetters, oldest, newest, example, fix: fixForCause(cause) };
}

function summaryView({
  queueMessageId,
  deliveryId,
  tenantId,
  cause,
  detail,
  sentAt,
}: DeadLetter): DeadLetterSummary {
  return { queueMessageId, deliveryId, tenantId, cause, detail, since: sentAt };
}

function letterView(letter: DeadLetter, { envelope, raw, receiveCount }: DeadLetterDetails): DeadLetterView {
  const content = envelope?.content;
  const isReadable = content?.kind === 'mail';
  return {
    ...summaryView(letter),
    receiveCount,
    fix: fixForCause(letter.cause),
    mail: envelope && {
      from: envelope.from,
      to: envelope.to,
      createdAt: envelope.createdAt,
      expiresAt: envelope.expiresAt,
      smtpFailure: envelope.smtpFailure,
      bytes: isReadable ? content.bytes : undefined,
      headers: isReadable ? content.headers : {},
      unreadable: content?.kind === 'not-readable' ? content.detail : undefined,
    },
    body: raw ?? (isReadable ? content.body : undefined),
  };
}
