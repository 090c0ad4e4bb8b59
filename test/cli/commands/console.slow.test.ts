import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DROP_RECORD } from '../../../lib/cli/lookups/dlq/drop-dead-letters.ts';
import { packMime } from '../../../lib/domain/content.ts';
import { type SqsAndS3, startSqsAndS3 } from '../../../lib/emulators/aws/sqs-and-s3.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../lib/emulators/dynamodb/local-dynamo-db.ts';
import { type SesDouble, startSesDouble } from '../../../lib/emulators/ses/ses-double.ts';
import { ConsoleClient } from '../../console/console-client.ts';
import { anEnvelope, mimeFrom } from '../../support/an-envelope.ts';
import { deployedAccount } from '../../support/aws-account/deployed-account.ts';
import { type AwsAccountDouble, startAwsAccount } from '../../support/aws-account/start-aws-account.ts';
import { takeEnvelopes } from '../../support/queue-contents.ts';
import { spawnMailctl } from '../../support/run-mailctl.ts';
import { parkLetters } from './dlq/dead-letter-bench.ts';

let aws: SqsAndS3;
let dynamoDb: LocalDynamoDb;
let ses: SesDouble;
let account: AwsAccountDouble;

beforeAll(async () => {
  [aws, dynamoDb, ses] = await Promise.all([
    startSqsAndS3({ visibilitySeconds: 30 }),
    startDynamoDb(),
    startSesDouble(),
  ]);
  const { fallback, urgent, held, deadLetters } = aws;
  const { ledgerTable, suppressionTable } = dynamoDb;
  const resources = { fallback, urgent, held, deadLetters, ledgerTable, suppressionTable };
  account = await startAwsAccount({ account: deployedAccount({ resources }) });
});

afterAll(async () => {
  await Promise.all([account.close(), aws.close(), dynamoDb.close(), ses.close()]);
});

const started: ChildProcess[] = [];

/** `mailctl console` as a process of its own, with the link that it prints. */
async function open(...flags: string[]): Promise<{ client: ConsoleClient; process: ChildProcess }> {
  const child = spawnMailctl(['console', ...flags], {
    ...account.environment,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
    AWS_ENDPOINT_URL_SESV2: ses.url,
  });
  started.push(child);
  const [link] = await once(createInterface({ input: child.stdout }), 'line');
  const { port } = new URL(String(link));
  return {
    client: await ConsoleClient.open({ link: String(link), port: Number(port), close: async () => {} }),
    process: child,
  };
}

/** The page once it has what it reads first. */
async function settled(client: ConsoleClient, path: string): Promise<string> {
  for (;;) {
    const { text } = await client.get(path);
    if (!text.includes('class="loading"') || text.includes('Reading the last hours')) {
      if (!text.includes('Reading the queues') && !text.includes('Looking through')) return text;
    }
  }
}

beforeEach(async () => {
  for (const { url } of [aws.fallback, aws.deadLetters])
    await aws.sqs.send(new PurgeQueueCommand({ QueueUrl: url }));
  await parkLetters(aws, [
    {
      body: anEnvelope({
        id: 'reply-1',
        envelope: { from: 'a@other.example', to: ['marie@example.org'] },
        content: packMime(mimeFrom('a@other.example', 'Dear Marie, it is a secret.')),
      }),
      attributes: {
        cause: 'foreign-sender',
        detail: 'a@other.example is of another domain',
        deliveryId: 'reply-1',
      },
    },
  ]);
});

afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(join(tmpdir(), DROP_RECORD), { force: true });
});

describe('mailctl console', () => {
  it('shows what can be read, and says of the rest what fixes it', async () => {
    const { client } = await open();
    const text = await settled(client, '/');

    expect(text).toContain('1 mail needs a person');
    expect(text).toContain('neither DATABASE_URL nor PGHOST names the database of the API');
    expect(text).toContain('set DATABASE_URL');
    expect(text).toContain('read-only');
  });

  it('shows a dead letter with what fixes it, its addresses masked and its body only on asking', async () => {
    const { client } = await open();

    expect(await settled(client, '/dead-letters')).toContain('another domain');
    const { text } = await client.get('/dead-letters/reply-1');
    expect(text).toContain('m***@example.org');
    expect(text).not.toMatch(/marie@example\.org|a secret/);
    expect((await client.get('/dead-letters/reply-1?body=shown')).text).toContain(
      'Dear Marie, it is a secret.',
    );
    // Nothing was taken from the queue.
    expect(await takeEnvelopes(aws, aws.deadLetters)).toHaveLength(1);
  });

  it('changes nothing unless it is allowed', async () => {
    const { client } = await open('--show-addresses');

    expect((await client.get('/dead-letters/reply-1')).text).toContain('marie@example.org');
    for (const path of [
      '/dead-letters/redrive?id=reply-1',
      '/dead-letters/drop?id=reply-1',
      '/suppression/add',
      '/suppression/remove',
    ]) {
      expect((await client.get(path)).status).toBe(403);
    }
  });

  it('redrives what was previewed, and no letter that has come since', async () => {
    const { client } = await open('--allow-changes');
    const preview = await client.get('/dead-letters/redrive?cause=foreign-sender');
    const hidden = Object.fromEntries(
      [...preview.text.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    );
    await parkLetters(aws, [
      { body: anEnvelope({ id: 'reply-2' }), attributes: { cause: 'foreign-sender' } },
    ]);

    expect(preview.text).toContain('1 letter goes back to the queue of its priority');
    const outcome = await client.outcome(await client.post('/dead-letters/redrive', hidden));
    expect(outcome).toContain('1 letter moved to the fallback queue.');
    expect((await takeEnvelopes(aws)).map(({ id }) => id)).toEqual(['reply-1']);
    expect((await takeEnvelopes(aws, aws.deadLetters)).map(({ id }) => id)).toEqual(['reply-2']);
  });

  it('drops for a reason alone, and keeps a record without addresses', async () => {
    const { client } = await open('--allow-changes');
    const path = '/dead-letters/drop?id=reply-1';

    expect((await client.submit(path, '/dead-letters/drop', { because: ' ' })).status).toBe(400);
    const outcome = await client.outcome(
      await client.submit(path, '/dead-letters/drop', { because: 'sent by hand' }),
    );
    expect(outcome).toContain('1 letter dropped.');
    const record = await readFile(join(tmpdir(), DROP_RECORD), 'utf8');
    expect(JSON.parse(record)).toMatchObject({
      deliveryId: 'reply-1',
      because: 'sent by hand',
      recipients: 1,
    });
    expect(record).not.toMatch(/marie|secret/);
    expect(await takeEnvelopes(aws, aws.deadLetters)).toEqual([]);
  });

  it('suppresses an address and removes it, on both lists', async () => {
    const { client } = await open('--allow-changes');
    const added = await client.submit('/suppression/add?address=paul@example.org', '/suppression/add');

    expect(await client.outcome(added)).toContain('The list of the pipeline: changed.');
    const list = await client.get('/suppression?q=p');
    expect(list.text).toContain('p***@example.org');
    expect(list.text).not.toContain('paul@example.org');
    expect((await client.get('/suppression?q=paul@example.org')).text).toContain('manual');
    const [, key = ''] = /\/suppression\/remove\?key=([0-9a-f]+)/.exec(list.text) ?? [];
    const removed = await client.submit(`/suppression/remove?key=${key}`, '/suppression/remove');
    expect(await client.outcome(removed)).toContain('The list of SES: changed.');
    expect((await client.get('/suppression?q=paul@example.org')).text).toContain(
      'That address is not suppressed',
    );
  });

  it('ends with Ctrl-C, though a page is open', async () => {
    const { client, process } = await open();
    const page = client.get('/events?of=overview').catch(() => {});
    process.kill('SIGINT');

    expect(await once(process, 'exit')).toEqual([0, null]);
    await page;
  });

  it('says so if its port is taken', async () => {
    const { client } = await open();
    const child = spawnMailctl(['console', '--port', String(client.port)], account.environment);
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });

    expect(await once(child, 'exit')).toEqual([2, null]);
    expect(errors).toContain(`port ${client.port} of this machine cannot be used: EADDRINUSE`);
  });
});
