import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SmtpBreakAction, SmtpStage } from '../../../lib/emulators/smtp/smtp-behaviour.ts';
import type { SmtpDouble } from '../../../lib/emulators/smtp/smtp-double.ts';
import type { RawSmtpClient } from './raw-smtp-client.ts';
import { SmtpWorkbench } from './smtp-workbench.ts';

const bench = new SmtpWorkbench();
afterEach(() => bench.close());

/** What a client sends to reach the stage, and the replies that it has received by then. */
const conversations: Record<SmtpStage, { says: string[]; sees: RegExp[] }> = {
  connect: { says: [], sees: [] },
  ehlo: { says: ['EHLO test'], sees: [/^220/] },
  mail: { says: ['EHLO test', 'MAIL FROM:<a@example.org>'], sees: [/^220/, /^250/] },
  rcpt: {
    says: ['EHLO test', 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>'],
    sees: [/^220/, /^250/, /^250/],
  },
  data: {
    says: ['EHLO test', 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>', 'DATA'],
    sees: [/^220/, /^250/, /^250/, /^250/],
  },
  'go-ahead': {
    says: ['EHLO test', 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>', 'DATA'],
    sees: [/^220/, /^250/, /^250/, /^250/, /^354/],
  },
  body: {
    says: ['EHLO test', 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>', 'DATA', 'x'.repeat(200)],
    sees: [/^220/, /^250/, /^250/, /^250/, /^354/],
  },
  'final-dot': {
    says: ['EHLO test', 'MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>', 'DATA', 'x\r\n.'],
    sees: [/^220/, /^250/, /^250/, /^250/, /^354/],
  },
};
const stages = Object.keys(conversations) as SmtpStage[];

async function converse(client: RawSmtpClient, stage: SmtpStage): Promise<void> {
  const { says, sees } = conversations[stage];
  const replies = [...sees];
  for (const line of ['', ...says]) {
    if (line !== '') client.say(line);
    const expected = replies.shift();
    if (expected) expect(await client.reply()).toMatch(expected);
  }
}

describe('a connection that breaks', () => {
  let double: SmtpDouble;
  beforeEach(async () => {
    double = await bench.double();
  });

  const ends: [SmtpBreakAction, string][] = [
    ['reset', 'ECONNRESET'],
    ['close', 'closed'],
  ];
  it.each(stages.flatMap((stage) => ends.map(([by, end]) => [stage, by, end] as const)))(
    'at %s by %s ends with %s',
    async (at, by, end) => {
      await double.behave({ kind: 'break', at, by });
      const client = bench.dial(double.port);
      await converse(client, at);
      expect(await client.ended).toBe(end);
      expect(client.pending).toBe('');
      expect(double.mails).toEqual([]);
      expect(double.unanswered).toHaveLength(at === 'final-dot' ? 1 : 0);
    },
  );

  it.each(stages)('at %s by a stall sends nothing more and stays open', async (at) => {
    await double.behave({ kind: 'break', at, by: 'stall' });
    const reached = double.reached(at);
    const client = bench.dial(double.port);
    await converse(client, at);
    await reached;
    // Another conversation, from its start to the same stage, takes more than enough time for a stray reply.
    const other = bench.dial(double.port);
    await converse(other, at);
    expect(client.pending).toBe('');
    expect(client.socket.closed).toBe(false);
  });

  it('in the body stops reading after the given bytes', async () => {
    await double.behave({ kind: 'break', at: 'body', by: 'stall', afterBytes: 100_000 });
    const client = bench.dial(double.port);
    await client.upToData();
    const reached = double.reached('body');
    client.socket.write('x'.repeat(99_000));
    client.socket.write(Buffer.alloc(30_000_000, 'x\r\n'));
    await reached;
    const drained = once(client.socket, 'drain', { signal: AbortSignal.timeout(500) });
    await expect(drained).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('as a blackhole accepts the connection and never greets, and stops responding on open ones', async () => {
    const before = bench.dial(double.port);
    await before.reply();
    await double.behave({ kind: 'blackhole' });
    const connected = double.reached('connect');
    const client = bench.dial(double.port);
    await connected;
    before.say('EHLO test');
    await double.behave();
    const healthy = bench.dial(double.port);
    expect(await healthy.reply()).toMatch(/^220/);
    expect(await healthy.ask('EHLO test')).toMatch(/^250/);
    expect([before.pending, client.pending]).toEqual(['', '']);
    expect(double.connections).toBe(3);
  });

  it('refuses, resets what is open, and recovers on the same port', async () => {
    const { port } = double;
    const before = bench.dial(port);
    await before.reply();
    await double.behave({ kind: 'refused' });
    expect(await before.ended).toBe('ECONNRESET');
    const refused = bench.dial(port);
    expect(await refused.ended).toBe('ECONNREFUSED');
    await double.behave({ kind: 'refused' });
    await double.behave({ kind: 'healthy' });
    expect(double.port).toBe(port);
    const after = bench.dial(port);
    expect(await after.reply()).toMatch(/^220/);
  });

  it('can be down from the start', async () => {
    const down = await bench.double({ behaviours: [{ kind: 'refused' }] });
    const refused = bench.dial(down.port);
    expect(await refused.ended).toBe('ECONNREFUSED');
  });

  it('breaks conversations that were open when the behaviour changed', async () => {
    const client = bench.dial(double.port);
    await client.reply();
    await client.ask('EHLO test');
    await double.behave({ kind: 'break', at: 'mail', by: 'reset' });
    client.say('MAIL FROM:<a@example.org>');
    expect(await client.ended).toBe('ECONNRESET');
  });

  it.each([
    ['close', 'closed'],
    ['reset', 'ECONNRESET'],
  ] as const)('drops a connection after its message by %s', async (by, end) => {
    await double.behave({ kind: 'drops-idle', by, when: 'after-reply' });
    const client = bench.dial(double.port);
    await client.upToData();
    expect(await client.ask('x\r\n.')).toMatch(/^250/);
    expect(await client.ended).toBe(end);
    expect(double.mails).toHaveLength(1);
  });

  it('drops a connection at the first command after its message', async () => {
    await double.behave({ kind: 'drops-idle', by: 'reset', when: 'next-command' });
    const client = bench.dial(double.port);
    await client.upToData();
    expect(await client.ask('x\r\n.')).toMatch(/^250/);
    expect(client.socket.readyState).toBe('open');
    client.say('MAIL FROM:<a@example.org>');
    expect(await client.ended).toBe('ECONNRESET');
  });
});
