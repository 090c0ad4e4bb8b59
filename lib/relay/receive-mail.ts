import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import { addressKey, distinctRecipients, withAsciiDomain } from '../domain/address.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { DsnRequest } from '../domain/dsn.ts';
import type { Failure } from '../domain/failure.ts';
import { MAX_CONTENT_BYTES } from '../domain/limits.ts';
import type { Attempted, RefusalReason, Refused } from '../domain/outcome.ts';
import { type ReadMail, readMail } from '../domain/relayed-mail.ts';
import type { Rejected } from '../mailer/deliver.ts';
import type { FallbackMailer } from '../mailer/mailer.ts';
import type { Clock } from '../ports/runtime.ts';
import type { ClientLimits } from './client-limits.ts';
import type { RelayObserver } from './observer.ts';
import { foreignReply, NO_ROOM, type Reply } from './replies.ts';
import type { CompleteRelaySettings } from './settings.ts';

export interface MailReceiverDeps {
  readonly settings: CompleteRelaySettings;
  readonly name: string;
  readonly mailer: Pick<FallbackMailer, 'deliverOrReject' | 'handOver'>;
  readonly limits: ClientLimits;
  readonly observer: RelayObserver;
  readonly clock: Clock;
  readonly randomId: () => string;
}

type MailOutcome = Attempted | Refused | Rejected;

/** Receives mails and answers for them: 250 only when the upstream server or SQS has confirmed each recipient. */
export class MailReceiver {
  readonly #deps: MailReceiverDeps;
  readonly #partly = new PartlyAccepted();

  constructor(deps: MailReceiverDeps) {
    this.#deps = deps;
  }

  /** @returns undefined if the client broke off within the mail */
  async receive(stream: SMTPServerDataStream, session: SMTPServerSession): Promise<Reply | undefined> {
    const { limits } = this.#deps;
    const { remoteAddress: client } = session;
    let held = 0;
    try {
      const chunks: Buffer[] = [];
      let hasRoom = true;
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        hasRoom &&= limits.hasRoom(client, chunk.length);
        if (!hasRoom || stream.sizeExceeded) {
          // Read to its end, so that the client hears the reply.
          chunks.length = 0;
          continue;
        }
        limits.hold(client, chunk.length);
        held += chunk.length;
        chunks.push(chunk);
      }
      if (stream.sizeExceeded) return TOO_LARGE;
      if (!hasRoom) return NO_ROOM;
      return await this.#pass(Buffer.concat(chunks), session);
    } catch (error) {
      if (stream.errored !== null || !stream.readableEnded) return undefined;
      throw error;
    } finally {
      limits.hold(client, -held);
    }
  }

  async #pass(raw: Buffer, session: SMTPServerSession): Promise<Reply> {
    const { settings, observer } = this.#deps;
    const since = performance.now();
    const from = withAsciiDomain(session.envelope.mailFrom ? session.envelope.mailFrom.address : '');
    const read = readMail(
      { from, raw },
      {
        domain: settings.fallback.domain,
        idKeys: settings.idKeys ?? [],
        randomId: this.#deps.randomId,
      },
    );
    if (read.kind === 'rejected') {
      const { code, enhancedStatus, detail } = read.rejection;
      return enhancedStatus === '5.7.1'
        ? foreignReply(settings, detail)
        : { code, text: `${enhancedStatus} ${detail}` };
    }
    const all = distinctRecipients(session.envelope.rcptTo.map(({ address }) => address));
    const to = this.#partly.without(read.id, all);
    if (to.length === 0) return accepted(read.id, 'accepted before');
    const outcome = await this.#deliver({ ...this.#deliveryOf(read, from, session), to });
    observer.mail(observed(outcome), performance.now() - since, failureOf(outcome)?.class);
    if (outcome.kind === 'not-accepted' && outcome.taken !== undefined)
      this.#partly.remember(read.id, outcome.taken.recipients);
    return replyTo(outcome);
  }

  #deliver(delivery: Delivery): Promise<MailOutcome> {
    const { mailer, settings, clock } = this.#deps;
    if (settings.upstream.host !== undefined) return mailer.deliverOrReject(delivery);
    return mailer.handOver(delivery, {
      class: 'undelivered',
      phase: 'queue',
      at: clock.now().toISOString(),
    });
  }

  #deliveryOf(
    { id, mime, messageId, trace, stamp }: Extract<ReadMail, { kind: 'mail' }>,
    from: string,
    session: SMTPServerSession,
  ): Omit<Delivery, 'to'> {
    const { settings, clock } = this.#deps;
    const now = clock.now();
    const dsn = dsnOf(session);
    return {
      id,
      from,
      mime,
      messageId,
      createdAt: now,
      expiresAt: stamp?.expiresAt ?? new Date(now.getTime() + settings.timeToLiveMs),
      ...(stamp?.priority === undefined ? {} : { priority: stamp.priority }),
      smtpHeader: `${this.#receivedField(session, now)}${trace}`,
      ...(typeof session.user === 'string' ? { tenantId: session.user } : {}),
      ...(dsn === undefined ? {} : { dsn }),
    };
  }

  /** RFC 5321, 4.4. Only the mail server gets it: SES writes its own. */
  #receivedField(session: SMTPServerSession, now: Date): string {
    const { hostNameAppearsAs, remoteAddress, transmissionType, id } = session;
    const helo = String(hostNameAppearsAs).replaceAll(/[^\w.:[\]-]/g, '?');
    const when = now.toUTCString().replace('GMT', '+0000');
    return `Received: from ${helo} ([${remoteAddress}])\r\n by ${this.#deps.name} with ${transmissionType} id ${id};\r\n ${when}\r\n`;
  }
}

/**
 * A client cannot be told that a mail was accepted for some of its recipients: it sends the whole mail again. If neither
 * way took the others, those that the mail server has are left out then. Only in memory: after a restart they get it twice.
 */
class PartlyAccepted {
  readonly #recipients = new Map<string, Set<string>>();

  without(id: string, recipients: readonly string[]): string[] {
    const accepted = this.#recipients.get(id);
    return recipients.filter((address) => accepted?.has(addressKey(address)) !== true);
  }

  remember(id: string, recipients: readonly string[]): void {
    const accepted = this.#recipients.get(id) ?? new Set();
    for (const address of recipients) accepted.add(addressKey(address));
    this.#recipients.set(id, accepted);
    const [oldest] = this.#recipients.keys();
    if (this.#recipients.size > MAX_PARTLY_ACCEPTED && oldest !== undefined) this.#recipients.delete(oldest);
  }
}

const MAX_PARTLY_ACCEPTED = 10_000;

const TOO_LARGE: Reply = { code: 552, text: `5.3.4 a mail may have ${MAX_CONTENT_BYTES} bytes` };

const accepted = (id: string, how: string): Reply => ({ code: 250, text: `2.0.0 Ok: ${id} ${how}` });

/** A recipient may have its own DSN options, and a delivery has one set: they are passed on if all are the same. */
function dsnOf({ envelope }: SMTPServerSession): DsnRequest | undefined {
  const [first, ...others] = envelope.rcptTo.map(({ dsn }) => dsn);
  const isSame = others.every((dsn) => JSON.stringify(dsn?.notify) === JSON.stringify(first?.notify));
  const { ret, envid } = envelope.dsn ?? {};
  const notify = isSame ? first?.notify : undefined;
  const orcpt = others.length === 0 ? first?.orcpt : undefined;
  const request = {
    ...(ret === 'FULL' || ret === 'HDRS' ? { ret } : {}),
    ...(envid ? { envid } : {}),
    ...(notify === undefined ? {} : { notify: notify as NonNullable<DsnRequest['notify']> }),
    ...(orcpt === undefined ? {} : { orcpt }),
  } satisfies DsnRequest;
  return Object.keys(request).length === 0 ? undefined : request;
}

function observed(outcome: MailOutcome): Parameters<RelayObserver['mail']>[0] {
  return outcome.kind === 'held' ? 'not-accepted' : outcome.kind;
}

function failureOf(outcome: MailOutcome): Failure | undefined {
  switch (outcome.kind) {
    case 'handed-over':
    case 'split':
      return outcome.handOver.failure;
    case 'not-accepted':
      return outcome.smtp;
    case 'rejected':
      return outcome.failure;
    default:
      return undefined;
  }
}

function replyTo(outcome: MailOutcome): Reply {
  switch (outcome.kind) {
    case 'taken':
      return accepted(outcome.id, 'accepted by the mail server');
    case 'handed-over':
    case 'split':
      return accepted(outcome.id, `handed over as ${outcome.handOver.queueMessageId}`);
    case 'rejected':
      return upstreamReply(outcome.failure);
    case 'held':
      return { code: 451, text: '4.4.2 the mail server may have it, try again later' };
    case 'not-accepted': {
      const { smtp, fallback } = outcome;
      const upstream =
        smtp.class === 'undelivered' ? '' : `the mail server did not take it (${smtp.class}), and `;
      return {
        code: 451,
        text: `4.3.0 ${upstream}the fallback did not either (${fallback.code}: ${fallback.detail}), try again later`,
      };
    }
    case 'refused':
      return { code: 550, text: `${REFUSALS[outcome.reason]} ${outcome.detail}` };
  }
}

const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  'too-large': '5.3.4',
  'no-recipient': '5.5.1',
  expired: '5.4.7',
  invalid: '5.6.0',
};

/** As the mail server said it, in one line. */
function upstreamReply({ response = '', enhancedStatus = '5.1.1' }: Failure): Reply {
  const [, code = '550', said = ''] =
    /^(5\d\d)[ -](?:\d\.\d{1,3}\.\d{1,3}[ \t])?([^\r\n]*)/.exec(response) ?? [];
  return { code: Number(code), text: `${enhancedStatus} ${said}` };
}
