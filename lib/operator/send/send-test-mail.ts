import { SqsFallbackQueue } from '../../adapters/sqs/sqs-fallback-queue.ts';
import { maskAddress } from '../../message/address.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { CommandContext } from '../command-context.ts';
import { describeDeployment, identityStackName, pipelineOutputs } from '../deployment.ts';
import { domainOf, neededRecords } from '../dns/needed-records.ts';
import { OperatorError } from '../operator-error.ts';
import { openDeliverySources } from '../status/open-delivery-sources.ts';
import { DEFAULT_SOFT_BOUNCES } from '../suppression/soft-bounce-options.ts';
import { untilAborted } from '../until-aborted.ts';
import { followDelivery } from './follow-delivery.ts';
import { refuseSuppressed } from './refuse-suppressed.ts';
import { handOverTestMail } from './send-by-fallback.ts';
import { sendBySes } from './send-by-ses.ts';
import { sendBySmtp, smtpSettingsOf } from './send-by-smtp.ts';
import type { SendEnding, SendResult, SendStep, SendWay } from './send-result.ts';
import { composeTestMail } from './test-mail.ts';

export interface SendOptions {
  readonly id: string;
  readonly by: SendWay;
  readonly to: string;
  /** @default mailctl@ the domain that is deployed */
  readonly from?: string;
  /** False to end as soon as it is given away. */
  readonly wait: boolean;
  /** For the whole way. */
  readonly timeoutMs: number;
  /** True where a mail of this id may have been sent before. */
  readonly isKnownId?: boolean;
  readonly onStep: (step: SendStep) => void;
}

const QUEUE_TIMEOUT_MS = 20_000;

/** Sends a mail by one of the ways, and follows it as far as that can be known. @throws {@link OperatorError} */
export async function sendTestMail(context: CommandContext, options: SendOptions): Promise<SendResult> {
  const { id, by, to } = options;
  const smtp = by === 'smtp' ? smtpSettingsOf(context.env) : undefined;
  const from = options.from ?? (await defaultSender(context));
  const delivery = await composeTestMail({ id, by, from, to }, new Date());
  const steps: SendStep[] = [];
  const onStep = (step: SendStep) => {
    steps.push(step);
    options.onStep(step);
  };
  const ending =
    smtp === undefined
      ? await sendByAws(context, delivery, { ...options, onStep })
      : await sendBySmtp(delivery, smtp, { timeoutMs: options.timeoutMs, signal: context.signal });
  return { id, by, from: maskAddress(from), to: maskAddress(to), ...ending, steps };
}

/** SES or the fallback: both are told of in the ledger. */
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
    const before = isKnownId ? (await untilAborted(sources.letters(id), signal)).letters : [];
    const startedAt = performance.now();
    const tell = (what: string) => onStep({ what, afterMs: Math.round(performance.now() - startedAt) });
    if (by === 'ses') {
      const configurationSet = outputs.ConfigurationSetName;
      const sent = await sendBySes(delivery, { ses: await aws.ses(), configurationSet, timeoutMs, signal });
      if (sent.kind === 'ended') return sent.ending;
      tell(`SES answered with its message id, ${sent.sesMessageId}`);
    } else {
      const queue = new SqsFallbackQueue(await aws.sqs(), outputs.FallbackQueueUrl, QUEUE_TIMEOUT_MS);
      const queueMessageId = await untilAborted(handOverTestMail(delivery, queue), signal);
      tell(`handed over to the fallback queue (SQS ${queueMessageId})`);
    }
    if (!wait) return { verdict: 'open', detail: 'not waited for', mend: `mailctl status ${id}` };
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
