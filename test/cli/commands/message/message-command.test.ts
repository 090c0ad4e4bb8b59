import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { packMime } from '../../../../lib/domain/content.ts';
import { anEnvelope, mimeFrom } from '../../../support/an-envelope.ts';
import { dataOf, runMailctl } from '../../../support/run-mailctl.ts';

const example = (name: string) =>
  fileURLToPath(new URL(`../../../../docs/contract/examples/${name}.json`, import.meta.url));

/** Checks a message from standard input. */
async function check(message: unknown) {
  const body = typeof message === 'string' ? message : JSON.stringify(message);
  const { code, stdout } = await runMailctl(['--json', 'message', 'check', '-'], {}, { input: body });
  return { code, ...dataOf(stdout) };
}

describe('mailctl message check', () => {
  it.each([
    ['mail', 'inline', 2],
    ['mime', 'inline', 1],
    ['s3', 's3', 1],
  ])('says of the example %s where it would go', async (name, content, count) => {
    const { code, stdout } = await runMailctl(['--json', 'message', 'check', example(name)]);

    const body = readFileSync(example(name));
    const found = dataOf(stdout);
    expect({ code, ...found }).toMatchObject({
      code: 0,
      outcome: 'sent',
      content,
      problems: [],
      warnings: [],
      recipients: { length: count },
      bytes: { message: body.length, mime: expect.any(Number) },
    });
    expect(stdout).not.toMatch(/marie@|accounts@/);
  });

  it.each([
    [undefined, 'normal'],
    ['normal', 'normal'],
    ['urgent', 'urgent'],
    // Of a newer sender.
    ['bulk', 'normal'],
  ])('says which priority it has: %s', async (priority, read) => {
    expect(await check({ ...anEnvelope(), priority })).toMatchObject({ priority: read });
  });

  it('knows by MAIL_DOMAIN or cdk.json which domain may send', async () => {
    const message = JSON.stringify(
      anEnvelope({ envelope: { from: 'marie@shop.example', to: ['a@example.org'] } }),
    );
    const { code, stdout } = await runMailctl(
      ['--json', 'message', 'check', '-'],
      { MAIL_DOMAIN: 'keybuzz.io' },
      { input: message },
    );

    expect({ code, ...dataOf(stdout) }).toMatchObject({
      code: 2,
      outcome: 'dead-letter',
      cause: 'foreign-sender',
    });
    expect(await check(message)).not.toMatchObject({ cause: 'foreign-sender' });
  });

  it('says in words what is wrong, and reads the file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'message-'));
    const file = join(folder, 'message.json');
    try {
      const { id: _id, ...rest } = anEnvelope({
        envelope: { from: 'support@keybuzz.io', to: ['marie.secret@exa..mple'] },
      });
      writeFileSync(file, JSON.stringify(rest));
      const { code, stdout } = await runMailctl(['message', 'check', file]);

      expect(code).toBe(2);
      expect(stdout).toContain('It would become a dead letter: wrong-schema');
      expect(stdout).toContain('id is missing');
      expect(stdout).toContain('envelope.to.0 (m***@exa..mple): a bare address');
      expect(stdout).not.toContain('marie.secret');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names a file that cannot be read', async () => {
    const { code, stderr } = await runMailctl(['message', 'check', '/nonexistent/message.json']);

    expect(code).toBe(2);
    expect(stderr).toContain('/nonexistent/message.json cannot be read: ENOENT');
  });

  it.each([
    ['is no JSON', '{', { cause: 'not-json', problems: [{ path: 'message' }] }],
    ['is too large', 'x'.repeat(1024 * 1024 + 1), { cause: 'too-large' }],
    [
      'breaks a rule',
      { ...anEnvelope(), version: 2 },
      { cause: 'wrong-version', problems: [{ path: 'version', value: '2', rule: 'expected 1' }] },
    ],
    ['has expired', anEnvelope({ expiresAt: '2020-01-01T00:00:00Z' }), { cause: 'expired' }],
    [
      'unpacks to more than it says',
      anEnvelope({ content: { ...packMime(Buffer.alloc(5_000_000)), bytes: 1000 } }),
      { cause: 'size-mismatch' },
    ],
    [
      'has lines that end in LF',
      anEnvelope({ content: packMime(Buffer.from('From: a@keybuzz.io\nSubject: x\n\nHi\n')) }),
      { cause: 'not-crlf' },
    ],
    [
      'has no recipient that SES takes',
      anEnvelope({ envelope: { from: 'support@keybuzz.io', to: ['jörg@example.org'] } }),
      { cause: 'needs-smtputf8' },
    ],
  ])('fails if the message %s', async (_what, message, found) => {
    expect(await check(message)).toMatchObject({ code: 2, outcome: 'dead-letter', ...found });
  });

  it.each([
    ['is no address', 'paul at example.org', 'wrong-schema'],
    ['has no top-level domain', 'paul@localhost', 'invalid-for-ses'],
  ])('warns if one of two recipients %s', async (_what, bad, cause) => {
    const message = anEnvelope({ envelope: { from: 'support@keybuzz.io', to: ['marie@example.org', bad] } });

    expect(await check(message)).toMatchObject({
      code: 1,
      outcome: 'partly',
      cause,
      recipients: ['m***@example.org'],
    });
  });

  it('warns of recipients in the headers whom the envelope leaves out', async () => {
    const content = {
      type: 'mail',
      from: 'support@keybuzz.io',
      to: 'marie@example.org',
      bcc: 'x@keybuzz.io',
      text: 'Hi',
    };
    const message = { ...anEnvelope(), content };

    expect(await check(message)).toMatchObject({
      code: 1,
      outcome: 'sent',
      warnings: ['x***@keybuzz.io stands in To, Cc or Bcc, but not in envelope.to: it gets no mail'],
    });
  });

  it('warns of two domains of senders', async () => {
    const message = anEnvelope({ content: packMime(mimeFrom('a@other.example')) });

    expect((await check(message)).warnings).toEqual([expect.stringContaining('different domains')]);
  });
});
