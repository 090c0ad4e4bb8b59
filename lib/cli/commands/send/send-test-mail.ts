import { MailComposer } from '../../../adapters/mime/compose-mail.ts';
import type { SmtpSettings } from '../../../adapters/smtp/smtp-pool-route.ts';
import { SqsFallbackQueue } from '../../../adapters/sqs/sqs-fallback-queue.ts';
import { untilAborted } from '../../../common/async.ts';
import { identityStackName } from '../../../common/names.ts';
import { HOUR_MS } from '../../../common/time.ts';
import { maskAddress } from '../../../domain/address.ts';
import { packMime } from '../../../domain/content.ts';
import type { Delivery } from '../../../domain/delivery.ts';
import { FALLBACK_MESSAGE_VERSION, type FallbackMessage } from '../../../domain/fallback-message.ts';
import { composeDelivery } from '../../../mailer/compose-delivery.ts';
import type { FallbackQueue } from '../../../ports/queues.ts';
import type { CommandContext } from '../../context.ts';
import { describeDeployment, pipelineOutputs } from '../../deployment.ts';
import { OperatorError } from '../../errors.ts';
import { openDeliverySources } from '../../lookups/delivery-sources.ts';
import { domainOf, neededRecords } from '../../lookups/dns/needed-records.ts';
import { relayTarget } from '../../lookups/relay-target.ts';
import { DEFAULT_SOFT_BOUNCES, type Listing } from '../../lookups/suppression-lists.ts';
import { followDelivery } from './follow-delivery.ts';
import {
  relaySettingsOf,
  type SendEnding,
  type SendResult,
  type SendStep,
  type SendWay,
  sendBySes,
  sendBySmtp,
  smtpSettingsOf,
} from './send-directly.ts';

export interface SendOptions {
  readonly id: string;
  readonly by: SendWay;
  /** `HOST:PORT`. @default MAIL_RELAY */
  readonly relay?: string | undefined;
  readonly to: string;
  /** @default mailctl@ the deployed domain */
  readonly from?: string;
  /** By the queue of urgent mail; only by the fallback. */
  readonly urgent?: boolean;
  /** False to return as soon as it is sent. */
  readonly wait: boolean;
  /** From sending to final status. */
  readonly timeoutMs: number;
  /** True if a mail with this ID may have been sent before. */
  readonly isKnownId?: boolean;
  readonly onStep: (step: SendStep) => void;
}

const QUEUE_TIMEOUT_MS = 20_000;

/** Sends a mail by one of the routes, and follows it as far as possible. @throws {@link OperatorError} */
export async function sendTestMail(context: CommandContext, options: SendOptions): Promise<SendResult> {
  const { id, by, to, urgent = false } = options;
  if (urgent && by !== 'fallback') {
    throw new OperatorError(
      'NOT_BY_FALLBACK',
      `--urgent says nothing by ${by}`,
      'send --urgent --by fallback',
    );
  }
  const smtp = smtpServerOf(context, options);
  const from = options.from ?? (await defaultSender(context));
  const delivery = await composeTestMail({ id, by, from, to, urgent }, new Date());
  const steps: SendStep[] = [];
  const onStep = (step: SendStep) => {
    steps.push(step);
    options.onStep(step);
  };
  const ending =
    smtp === undefined
      ? await sendByAws(context, delivery, { ...options, onStep })
      : await sendBySmtp(delivery, smtp, {
          by: by === 'relay' ? 'relay' : 'smtp',
          timeoutMs: options.timeoutMs,
          signal: context.signal,
        });
  return { id, by, from: maskAddress(from), to: maskAddress(to), ...ending, steps };
}

/** Undefined if the mail does not go by SMTP. @throws {@link OperatorError} if it does, and no server is set */
function smtpServerOf({ env }: CommandContext, { by, relay }: SendOptions): SmtpSettings | undefined {
  if (by === 'smtp') return smtpSettingsOf(env);
  if (by !== 'relay') return undefined;
  const target = relayTarget(relay, env);
  if (target !== undefined) return relaySettingsOf(target, env);
  throw new OperatorError(
    'WRONG_SETTING',
    'no relay was given',
    'name it by --relay HOST:PORT, or set MAIL_RELAY',
  );
}

/** By SES or the fallback: the ledger has the status of both. */
async function sendByAws(
  context: CommandContext,
  delivery: Delivery,
  { id, by, to, wait, timeoutMs, isKnownId = false, onStep }: SendOptions,
): Promise<SendEnding> {
  const { aws, deployment, signal } = context;
  const outputs = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const { sources, close } = openDeliverySources(context, DEFAULT_SOFT_BOUNCES);
  try {
    await refuseSuppressed(to, sources, signal);
    const before = isKnownId ? (await untilAborted(sources.deadLetters(id), signal)).deadLetters : [];
    const startedAt = performance.now();
    const report = (what: string) => onStep({ what, afterMs: Math.round(performance.now() - startedAt) });
    if (by === 'ses') {
      const configurationSet = outputs.ConfigurationSetName;
      const sent = await sendBySes(delivery, { ses: await aws.ses(), configurationSet, timeoutMs, signal });
      if (sent.kind === 'ended') return sent.ending;
      report(`SES answered with its message id, ${sent.sesMessageId}`);
    } else {
      const queue = new SqsFallbackQueue(
        await aws.sqs(),
        outputs.FallbackQueueUrl,
        QUEUE_TIMEOUT_MS,
        outputs.UrgentQueueUrl,
      );
      const queueMessageId = await untilAborted(handOverTestMail(delivery, queue), signal);
      const which = delivery.priority === 'urgent' ? 'the queue of urgent mail' : 'the fallback queue';
      report(`handed over to ${which} (SQS ${queueMessageId})`);
    }
    if (!wait) {
      return { verdict: 'open', detail: 'not waited for', fix: context.commands.mailctl(`status ${id}`) };
    }
    const knownLetters = new Set(before.map(({ queueMessageId }) => queueMessageId));
    return await followDelivery(id, sources, { timeoutMs, signal, onStep, startedAt, knownLetters });
  } finally {
    await close();
  }
}

async function defaultSender({ aws, deployment, signal }: CommandContext): Promise<string> {
  const { identity } = await describeDeployment(await aws.cloudFormation(), deployment, signal);
  if (identity !== undefined) return `mailctl@${domainOf(neededRecords(identity))}`;
  throw new OperatorError(
    'NOT_DEPLOYED',
    `there is no stack ${identityStackName(deployment)} in this Region that would name the domain to send from`,
    'npm run deploy, or name a sender by --from',
  );
}

interface TestMail {
  readonly id: string;
  readonly by: SendWay;
  readonly from: string;
  readonly to: string;
  readonly urgent: boolean;
}

/** An old test mail is useless. */
const TIME_TO_LIVE_MS = HOUR_MS;

/**
 * Composes a mail that says it is a test, in the same way as the API's mails.
 *
 * @throws {@link OperatorError} if the pipeline would refuse it
 */
async function composeTestMail({ id, by, from, to, urgent }: TestMail, now: Date): Promise<Delivery> {
  const composed = await new MailComposer('content-only').compose({
    from: { name: 'mailctl', address: from },
    to,
    subject: `Test mail by ${by}`,
    text: `This is a test of the mail pipeline by its operator. It went out by ${by}, as delivery ${id}.\n`,
    // Suppresses out-of-office replies: RFC 3834, section 5.
    headers: { 'Auto-Submitted': 'auto-generated' },
  });
  const expiresAt = new Date(now.getTime() + TIME_TO_LIVE_MS);
  const result = composeDelivery(composed, { id, expiresAt, urgent }, now);
  if (result.kind === 'delivery') return result.delivery;
  throw new OperatorError('MAIL_REFUSED', result.detail, 'choose another --from or --to');
}

interface SuppressionSource {
  suppressed(addresses: readonly string[]): Promise<Listing>;
}

/**
 * Checked first, since a mail to a suppressed address leaves no trace in the ledger to wait for.
 *
 * @throws {@link OperatorError} if one of the lists has the address; not if a list cannot be queried
 */
async function refuseSuppressed(
  address: string,
  sources: SuppressionSource,
  signal: AbortSignal,
): Promise<void> {
  const { addresses } = await untilAborted(sources.suppressed([address]), signal);
  const listed = addresses.find(({ pipeline, ses }) => pipeline !== undefined || ses !== undefined);
  if (listed === undefined) return;
  const list = listed.pipeline === undefined ? "SES's suppression list" : "the pipeline's suppression list";
  throw new OperatorError(
    'SUPPRESSED',
    `${maskAddress(address)} is on ${list}: nothing is sent to it`,
    'mailctl suppression rm ADDRESS, or send to another by --to',
  );
}

/**
 * Hands the mail over like the worker, but without a failure: SMTP was not tried.
 *
 * @returns the SQS message ID
 */
function handOverTestMail(delivery: Delivery, queue: FallbackQueue): Promise<string> {
  const message: FallbackMessage = {
    version: FALLBACK_MESSAGE_VERSION,
    id: delivery.id,
    envelope: { from: delivery.from, to: [...delivery.to] },
    content: packMime(delivery.mime),
    createdAt: delivery.createdAt.toISOString(),
    expiresAt: delivery.expiresAt.toISOString(),
    ...(delivery.priority === undefined ? {} : { priority: delivery.priority }),
  };
  return queue.push(message);
}
