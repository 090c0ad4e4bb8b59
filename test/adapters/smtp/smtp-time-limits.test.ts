import { afterEach, describe, expect, it } from '@jest/globals';
import type { SmtpSettings } from '../../../lib/adapters/smtp/smtp-pool-route.ts';
import { SmtpPoolRoute } from '../../../lib/adapters/smtp/smtp-pool-route.ts';
import { aDelivery } from '../../support/a-delivery.ts';
import {
  type ScriptedSmtpServer,
  type SmtpScript,
  startScriptedSmtpServer,
  TAKES_ALL,
} from '../../support/scripted-smtp-server.ts';

/** Each limit is far from the others, so that a test shows which one ended the send. */
const LIMITS = {
  connectTimeoutMs: 20_000,
  greetingTimeoutMs: 20_000,
  socketTimeoutMs: 20_000,
  sendTimeoutMs: 20_000,
};

describe('the SMTP route, with a server of a script', () => {
  let server: ScriptedSmtpServer;
  let route: SmtpPoolRoute;

  async function start(script: SmtpScript, limits: Partial<SmtpSettings> = {}): Promise<void> {
    server = await startScriptedSmtpServer(script);
    route = new SmtpPoolRoute({
      host: server.host,
      port: server.port,
      secure: false,
      requireTls: false,
      tlsRejectUnauthorized: true,
      maxConnections: 1,
      ...LIMITS,
      ...limits,
    });
  }

  afterEach(async () => {
    await route.close();
    await server.close();
  });

  it('sends no mail again whose body a connection took before it broke', async () => {
    let messages = 0;
    await start((line, socket) => {
      if (line !== '.') return TAKES_ALL(line, socket);
      messages += 1;
      // The first one makes the connection one that was used before: the pool sends again what such a one did not take.
      if (messages === 1) return '250 OK';
      socket.destroy();
      return undefined;
    });

    expect((await route.send(aDelivery())).kind).toBe('taken');
    expect(await route.send(aDelivery())).toMatchObject({ kind: 'failed', failure: { class: 'unknown' } });
    expect(messages).toBe(2);
  });

  it('gives up an idle socket', async () => {
    await start((line, socket) => (line === 'DATA' ? undefined : TAKES_ALL(line, socket)), {
      socketTimeoutMs: 300,
    });
    const before = performance.now();

    expect(await route.send(aDelivery())).toMatchObject({
      kind: 'failed',
      failure: { class: 'unreachable' },
    });
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it('gives up a send that takes too long, even if the socket is never idle', async () => {
    const trickles: SmtpScript = (line, socket) => {
      if (line !== 'DATA') return TAKES_ALL(line, socket);
      const trickle = setInterval(() => socket.write('354-wait\r\n'), 50);
      socket.on('close', () => clearInterval(trickle));
      return undefined;
    };
    await start(trickles, { socketTimeoutMs: 1_000, sendTimeoutMs: 500 });
    const before = performance.now();

    expect((await route.send(aDelivery())).kind).toBe('failed');
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it('sends sender, recipients and DATA in one round trip if the server offers it (RFC 2920)', async () => {
    const replies: string[] = [];
    await start((line, socket) => {
      if (line.startsWith('EHLO')) return '250-scripted\r\n250 PIPELINING';
      const reply = TAKES_ALL(line, socket);
      if (!/^(?:MAIL|RCPT|DATA)/.test(line)) return reply;
      replies.push(reply ?? '');
      // A client that waited for the reply to MAIL would wait for ever.
      return line === 'DATA' ? replies.splice(0).join('\r\n') : undefined;
    });
    const to = ['marie@example.org', 'paul@example.org'];

    expect((await route.send(aDelivery({ to }))).kind).toBe('taken');
    expect((await route.send(aDelivery({ to }))).kind).toBe('taken');
    expect(server.lines.filter((line) => line.startsWith('EHLO'))).toHaveLength(1);
  });

  it.each([
    ['has', 'Grüße\r\n', true],
    ['has not', 'Hello\r\n', false],
  ])('declares by BODY=8BITMIME that a mail %s bytes above ASCII', async (_name, body, expected) => {
    await start(TAKES_ALL);
    const mime = Buffer.from(`From: support@keybuzz.io\r\n\r\n${body}`);

    expect((await route.send(aDelivery({ mime }))).kind).toBe('taken');
    const mailFrom = server.lines.find((line) => line.startsWith('MAIL FROM'));
    expect(mailFrom?.includes('BODY=8BITMIME')).toBe(expected);
  });
});
