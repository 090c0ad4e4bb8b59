import { afterEach, describe, expect, it } from '@jest/globals';
import { probeSmtp, type SmtpProbe } from '../../../lib/adapters/smtp/probe-smtp.ts';
import { issueCertificates } from '../../../lib/emulators/smtp/certificates.ts';
import type { SmtpBehaviour } from '../../../lib/emulators/smtp/smtp-behaviour.ts';
import { type SmtpDouble, startSmtpDouble } from '../../../lib/emulators/smtp/smtp-double.ts';
import { canRunPostfix, type Postfix, startPostfix } from '../../support/postfix.ts';

const never = new AbortController().signal;

let double: SmtpDouble | undefined;
let postfix: Postfix | undefined;

afterEach(async () => {
  await double?.close();
  postfix?.remove();
  double = undefined;
  postfix = undefined;
});

interface Given {
  readonly behaviours?: readonly SmtpBehaviour[];
  readonly implicitTls?: boolean;
  readonly isTrusted?: boolean;
  readonly host?: string;
  readonly timeoutMs?: number;
}

async function probe(given: Given = {}): Promise<SmtpProbe> {
  const {
    behaviours = [],
    implicitTls = false,
    isTrusted = true,
    host = '127.0.0.1',
    timeoutMs = 10_000,
  } = given;
  double = await startSmtpDouble({ behaviours, implicitTls });
  const ca = isTrusted ? { ca: double.certificatePem } : {};
  return probeSmtp({ host, port: double.port, implicitTls, timeoutMs, ...ca }, never);
}

describe('probeSmtp', () => {
  it.each([false, true])(
    'completes TLS with a healthy host (from the first byte: %s)',
    async (implicitTls) => {
      const seen = await probe({ implicitTls });
      expect(seen).toMatchObject({
        kind: 'tls',
        certificate: { trust: 'trusted', fitsHost: true, names: ['localhost', '127.0.0.1'] },
      });
      expect(double?.mails).toEqual([]);
    },
  );

  it('matches a host by its name as well', async () => {
    expect(await probe({ host: 'localhost' })).toMatchObject({
      kind: 'tls',
      certificate: { fitsHost: true },
    });
  });

  it('detects a self-signed certificate', async () => {
    expect(await probe({ isTrusted: false })).toMatchObject({
      certificate: { trust: 'self-signed', fitsHost: true },
    });
  });

  it('distinguishes a wrong name from a lack of trust', async () => {
    const seen = await probe({ behaviours: [{ kind: 'certificate', flaw: 'wrong-name' }] });
    expect(seen).toMatchObject({
      certificate: { trust: 'trusted', fitsHost: false, names: ['another-host.example'] },
    });
  });

  it('distinguishes an expired certificate from a lack of trust', async () => {
    const seen = await probe({ behaviours: [{ kind: 'certificate', flaw: 'expired' }] });
    expect(seen).toMatchObject({ kind: 'tls', certificate: { trust: 'trusted', fitsHost: true } });
    expect(seen.kind === 'tls' && seen.certificate.notAfter.getTime() < Date.now()).toBe(true);
  });

  const ends: readonly (readonly [string, SmtpBehaviour, SmtpProbe])[] = [
    ['there is no listener', { kind: 'refused' }, { kind: 'unreachable', code: 'ECONNREFUSED' }],
    ['the greeting never comes', { kind: 'blackhole' }, { kind: 'silent', at: 'greeting' }],
    ['it hangs up', { kind: 'break', at: 'connect', by: 'close' }, { kind: 'silent', at: 'greeting' }],
    ['EHLO resets it', { kind: 'break', at: 'ehlo', by: 'reset' }, { kind: 'silent', at: 'EHLO' }],
    [
      'it is busy',
      { kind: 'greeting', reply: '421 4.3.2 Too busy' },
      { kind: 'refused', at: 'greeting', reply: '421 4.3.2 Too busy' },
    ],
    [
      'it is not a mail server',
      { kind: 'greeting', reply: 'HTTP/1.1 400 \u001b[31mBad Request' },
      { kind: 'refused', at: 'greeting', reply: 'HTTP/1.1 400 ?[31mBad Request' },
    ],
    ['there is no STARTTLS', { kind: 'without', extensions: ['STARTTLS'] }, { kind: 'plain' }],
    [
      'STARTTLS is refused',
      { kind: 'starttls-refused', reply: '454 4.7.0 TLS not available' },
      { kind: 'refused', at: 'STARTTLS', reply: '454 4.7.0 TLS not available' },
    ],
  ];

  it.each(ends)('reports how far it got if %s', async (_, behaviour, wanted) => {
    const timeoutMs = behaviour.kind === 'blackhole' ? 200 : 10_000;
    expect(await probe({ behaviours: [behaviour], timeoutMs })).toEqual(wanted);
  });

  it.each(['close', 'reset', 'garbage', 'stall'] as const)(
    'ends when a handshake ends by: %s',
    async (by) => {
      const timeoutMs = by === 'stall' ? 300 : 10_000;
      const seen = await probe({ behaviours: [{ kind: 'handshake-broken', by }], timeoutMs });
      expect(seen).toMatchObject({ kind: 'tls-failed' });
    },
  );

  it('reports a host that has no address', async () => {
    const target = { host: 'nobody.invalid', port: 25, implicitTls: false, timeoutMs: 10_000 };
    expect(await probeSmtp(target, never)).toMatchObject({ kind: 'unreachable' });
  });

  it('ends with the reason of its signal', async () => {
    double = await startSmtpDouble({ behaviours: [{ kind: 'blackhole' }] });
    const stop = new AbortController();
    const connected = double.reached('connect');
    const { host, port } = double;
    const probing = probeSmtp({ host, port, implicitTls: false, timeoutMs: 60_000 }, stop.signal);
    await connected;
    stop.abort(new Error('enough'));
    await expect(probing).rejects.toThrow('enough');
  });
});

(canRunPostfix ? describe : describe.skip)('probeSmtp and Postfix', () => {
  it('gets the certificate, and detects that it is self-signed', async () => {
    const certificate = (await issueCertificates(new Date())).valid;
    postfix = await startPostfix({ relayPort: 9, certificate });
    const { host, port } = postfix;
    const target = { host, port, implicitTls: false, timeoutMs: 20_000 };
    expect(await probeSmtp(target, never)).toMatchObject({
      kind: 'tls',
      certificate: { trust: 'self-signed', fitsHost: true },
    });
    expect(await probeSmtp({ ...target, ca: certificate.certificatePem }, never)).toMatchObject({
      certificate: { trust: 'trusted' },
    });
  });

  it('detects that there is no STARTTLS', async () => {
    postfix = await startPostfix({ relayPort: 9 });
    const { host, port } = postfix;
    expect(await probeSmtp({ host, port, implicitTls: false, timeoutMs: 20_000 }, never)).toEqual({
      kind: 'plain',
    });
  });
});
