import { EventEmitter, once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RESEND_ENV } from '../../lambda/resend/constants.ts';
import { type FallbackMessage, serialiseFallbackMessage } from '../../lib/domain/fallback-message.ts';
import { metricNamespace } from '../../lib/domain/metrics.ts';
import { resendEnvironment } from '../../lib/emulators/backend.ts';
import { type LambdaHost, startLambdaHost } from '../../lib/emulators/lambda/lambda-host.ts';
import { type LocalServices, startLocalServices } from '../../lib/emulators/services.ts';
import { bundleLambda } from '../../lib/infra/lambda-bundle.ts';
import { anEnvelope } from '../support/an-envelope.ts';
import { readMetrics } from '../support/emf-document.ts';
import { takeAll } from '../support/queue-contents.ts';

describe('the bundle of the resend Lambda, under plain Node outside the repository', () => {
  let directory: string;
  let services: LocalServices;
  let host: LambdaHost;
  let lines: string[];
  let logged: EventEmitter;

  const environment = () => resendEnvironment(services, { least: 1, default: 1, most: 1 });

  async function enqueue(body: FallbackMessage | string): Promise<void> {
    const text = typeof body === 'string' ? body : serialiseFallbackMessage(body);
    const { sqs, fallback } = services.aws;
    await sqs.send(new SendMessageCommand({ QueueUrl: fallback.url, MessageBody: text }));
  }

  async function startHost(variables = environment()): Promise<void> {
    host = await startLambdaHost({
      bundleDirectory: directory,
      environment: variables,
      queueUrl: services.aws.fallback.url,
      queueArn: services.aws.fallback.arn,
      sqs: services.aws.sqs,
      batchSize: 5,
      timeoutSeconds: 60,
      concurrency: 1,
      onLogLine: (line) => {
        lines.push(line);
        logged.emit('line');
      },
    });
  }

  beforeEach(async () => {
    lines = [];
    logged = new EventEmitter();
    directory = await mkdtemp(join(tmpdir(), 'resend-bundle-'));
    await cp(bundleLambda('resend').directory, directory, { recursive: true });
    services = await startLocalServices({ fallbackVisibilitySeconds: 60, feedbackVisibilitySeconds: 60 });
  });

  afterEach(async () => {
    await host.close();
    await services.close();
    await rm(directory, { recursive: true });
  });

  it('sends MIME and structured mails, and dead-letters what is not an envelope', async () => {
    await startHost();
    const content = {
      type: 'mail',
      from: 'support@keybuzz.io',
      to: 'marie@example.org',
      text: 'Hello',
    } as const;
    await enqueue(anEnvelope({ id: 'inline' }));
    await enqueue(anEnvelope({ id: 'parts', content }));
    await enqueue('nonsense');

    await host.idle({ signal: AbortSignal.timeout(30_000) });

    expect(services.ses.mails.map(({ tags }) => tags.deliveryId).sort()).toEqual(['inline', 'parts']);
    expect((await takeAll(services.aws, services.aws.deadLetters)).map(({ Body }) => Body)).toEqual([
      'nonsense',
    ]);
    const events = lines.map((line) => JSON.parse(line).event).filter((event) => event !== undefined);
    expect(events.sort()).toEqual(['dead-lettered', 'resent', 'resent']);
  });

  it('keeps its connection to SES for an invocation that follows at once, and for no later one', async () => {
    await startHost();
    const sendAlone = async (id: string): Promise<number | undefined> => {
      await enqueue(anEnvelope({ id }));
      const isOfMail = ({ tags }: { readonly tags?: Readonly<Record<string, string>> }) =>
        tags?.deliveryId === id;
      const { clientPort } = await services.ses.waitForCall(isOfMail, { timeoutMs: 30_000 });
      await host.idle({ signal: AbortSignal.timeout(30_000) });
      return clientPort;
    };
    const first = await sendAlone('first');
    const atOnce = await sendAlone('at-once');
    // Longer than any connection is kept.
    await delay(2_500);

    expect(atOnce).toBe(first);
    expect(await sendAlone('later')).not.toBe(first);
  });

  it('writes metrics that CloudWatch can read, without addresses or content', async () => {
    await startHost();
    const at = new Date().toISOString();
    const failure = { class: 'tls', phase: 'tls', response: 'no secret@example.net', at } as const;
    await enqueue(anEnvelope({ failure }));
    await enqueue('nonsense');

    await host.idle({ signal: AbortSignal.timeout(30_000) });

    const embedded = lines.filter((line) => '_aws' in JSON.parse(line));
    const stage = `${metricNamespace('keybuzz')} stage=dev`;
    expect(readMetrics(embedded)).toEqual(
      new Map([
        [`${stage} HandedOver`, [1]],
        [`${stage} class=tls HandedOver`, [1]],
        [`${stage} SmtpDown`, [1]],
        [`${stage} Resent`, [1]],
        [`${stage} ResentBytes`, [services.ses.mails[0]?.raw.length]],
        [`${stage} TimeToAcceptance`, [expect.any(Number)]],
        [`${stage} cause=not-json DeadLettered`, [1]],
      ]),
    );
    expect(embedded.join()).not.toMatch(/@|marie|secret|nonsense|order|on its way/i);
  });

  it('distinguishes an unreachable service from a lost response, and retries', async () => {
    await startHost({ ...environment(), AWS_ENDPOINT_URL_SES: 'http://127.0.0.1:9' });
    await enqueue(anEnvelope());
    await host.nextInvocation({ signal: AbortSignal.timeout(20_000) });
    await services.aws.arrival(
      { action: 'ChangeMessageVisibility' },
      { signal: AbortSignal.timeout(20_000) },
    );

    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        event: 'ses-send-deferred',
        cause: 'ses-unreachable',
        answerLost: false,
      }),
    );
  });

  it('does not start without its settings, and names the missing ones', async () => {
    const { [RESEND_ENV.fromDomain]: _domain, ...rest } = environment();
    await startHost(rest);
    const firstLine = once(logged, 'line', { signal: AbortSignal.timeout(20_000) });
    await enqueue(anEnvelope());
    await firstLine;
    await host.close();

    expect(lines.join('\n')).toContain(RESEND_ENV.fromDomain);
    expect(services.ses.calls).toEqual([]);
  });
});
