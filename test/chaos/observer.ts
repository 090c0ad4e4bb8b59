/** Watches what SMTP and SES accept from the first moment, and reads rows and dead letters at the end. */
import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { parseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { headerValues } from '../../lib/domain/mime-headers.ts';
import type { LocalQueue } from '../../lib/emulators/aws/sqs-and-s3.ts';
import type { LocalServices } from '../../lib/emulators/services.ts';
import type { Acceptance, DeadLetter, RowAtEnd } from './account.ts';
import type { MalformedBody } from './malformed.ts';
import type { PipelineUnderTest } from './pipeline-under-test.ts';

export class Observer {
  readonly #smtp: Acceptance[] = [];
  readonly #ses: (Acceptance & { readonly sesMessageId: string })[] = [];
  readonly #firstEventMs = new Map<string, number>();

  constructor({ smtp, services: { ses } }: PipelineUnderTest) {
    smtp.subscribe(({ raw, to }) =>
      this.#smtp.push({ by: 'smtp', id: subjectOf(raw), recipients: to, atMs: Date.now() }),
    );
    ses.subscribe(({ tags, recipients, sesMessageId }) =>
      this.#ses.push({ by: 'ses', id: tags.deliveryId ?? '', recipients, atMs: Date.now(), sesMessageId }),
    );
    ses.subscribeToEvents(({ mail: { messageId } }) => {
      if (!this.#firstEventMs.has(messageId)) this.#firstEventMs.set(messageId, Date.now());
    });
  }

  get bySmtp(): number {
    return this.#smtp.length;
  }

  get bySes(): number {
    return this.#ses.length;
  }

  acceptances(): Acceptance[] {
    const bySes = this.#ses.map(({ sesMessageId, ...acceptance }): Acceptance => {
      const eventAtMs = this.#firstEventMs.get(sesMessageId);
      return eventAtMs === undefined ? acceptance : { ...acceptance, eventAtMs };
    });
    return [...this.#smtp, ...bySes];
  }
}

/** Of these mails it is their id. The text may be large: the header section is at the start. */
function subjectOf(raw: Buffer): string {
  return headerValues(raw.subarray(0, 64 * 1024), 'subject')[0] ?? '';
}

interface StoredAttempt {
  readonly late?: boolean;
  readonly outcome?: string;
  readonly reason?: string;
  readonly failure?: { readonly class?: string };
}

export async function readRows({ pool }: PipelineUnderTest): Promise<Map<string, RowAtEnd>> {
  const { rows } = await pool.query<{
    id: string;
    status: string;
    provider: string | null;
    last_error: string | null;
    recipients: Record<string, { kind: string }> | null;
    attempts: StoredAttempt[] | null;
    many: Record<string, { kind: string } | null> | null;
  }>(`
    SELECT id, status, provider, last_error, delivery_trace -> 'recipients' AS recipients,
      delivery_trace -> 'attempts' AS attempts,
      (SELECT jsonb_object_agg(recipient, r.status) FROM outbound_recipients r WHERE r.delivery_id = d.id) AS many
    FROM outbound_deliveries d`);
  return new Map(
    rows.map((row) => [
      row.id,
      {
        id: row.id,
        status: row.status,
        provider: row.provider,
        lastError: row.last_error,
        statuses: Object.fromEntries(
          Object.entries({ ...row.recipients, ...row.many }).flatMap(([address, status]) =>
            status === null ? [] : [[address, status.kind]],
          ),
        ),
        attempts: row.attempts ?? [],
        late: (row.attempts ?? []).some(({ late }) => late === true),
        queueUnknown: (row.attempts ?? []).some(
          ({ outcome, reason }) => outcome === 'not-accepted' && reason?.startsWith('queue-unavailable'),
        ),
        unknown:
          (row.last_error ?? '').includes('SMTP may have it') ||
          (row.attempts ?? []).some(({ failure }) => failure?.class === 'unknown'),
      },
    ]),
  );
}

export interface DeadLettersAtEnd {
  readonly ofMails: readonly DeadLetter[];
  /** Poisons that are in no dead letter queue, or without a cause. */
  readonly missing: readonly string[];
  /** Dead letters of neither a mail nor a poison. */
  readonly strange: readonly string[];
  readonly poisons: number;
  readonly byCause: ReadonlyMap<string, number>;
}

/** Empties both dead letter queues, and finds every poison in them. */
export async function readDeadLetters(
  services: LocalServices,
  poisons: { readonly messages: readonly MalformedBody[]; readonly events: readonly MalformedBody[] },
): Promise<DeadLettersAtEnd> {
  const messages = await drain(services, services.aws.deadLetters);
  const events = await drain(services, services.feedbackDeadLetters);
  const found = [new Poisoned(messages, poisons.messages), new Poisoned(events, poisons.events)];
  const byCause = new Map<string, number>();
  for (const letter of [...messages, ...events])
    byCause.set(causeOf(letter), (byCause.get(causeOf(letter)) ?? 0) + 1);
  const ofMails = found[0]?.others.flatMap(mailIn) ?? [];
  return {
    ofMails,
    missing: found.flatMap(({ missing }) => missing),
    strange: found
      .flatMap(({ others }) => others)
      .filter((letter) => mailIn(letter).length === 0)
      .map((letter) => `${causeOf(letter)}: ${letter.Body?.slice(0, 80)}`),
    poisons: poisons.messages.length + poisons.events.length,
    byCause,
  };
}

/** The poisons among the dead letters, and what else is there. */
class Poisoned {
  readonly missing: readonly string[];
  readonly others: readonly Message[];

  constructor(letters: readonly Message[], poisons: readonly MalformedBody[]) {
    const put = new Set(poisons.map(({ body }) => body));
    const found = new Map<string, number>();
    for (const letter of letters) {
      if (causeOf(letter) !== '') found.set(letter.Body ?? '', (found.get(letter.Body ?? '') ?? 0) + 1);
    }
    this.missing = poisons
      .filter(({ body }) => {
        const left = found.get(body) ?? 0;
        found.set(body, left - 1);
        return left <= 0;
      })
      .map(({ flaw, body }) => `${flaw}: ${JSON.stringify(body.slice(0, 80))}`);
    this.others = letters.filter(({ Body = '' }) => !put.has(Body));
  }
}

function causeOf({ MessageAttributes }: Message): string {
  return MessageAttributes?.cause?.StringValue ?? '';
}

function mailIn(letter: Message): DeadLetter[] {
  const parsed = parseFallbackMessage(letter.Body ?? '');
  if (parsed.kind !== 'message') return [];
  const { id, envelope } = parsed.message;
  return [{ id, recipients: envelope.to, cause: causeOf(letter) }];
}

async function drain({ aws: { sqs } }: LocalServices, { url }: LocalQueue): Promise<Message[]> {
  const drained: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return drained;
    drained.push(...Messages);
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries }));
  }
}
