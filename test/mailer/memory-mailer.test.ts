import { beforeEach, describe, expect, it } from '@jest/globals';
import { FAILURE_CLASSES } from '../../lib/domain/failure.ts';
import { createMemoryMailer, type MemoryMailer } from '../../lib/mailer/memory-mailer.ts';

const MAIL = {
  id: 'reply-1',
  from: 'KeyBuzz <support@keybuzz.io>',
  to: ['marie@example.org', 'paul@example.org'],
  subject: 'Your order',
  text: 'It is on its way.',
};

let mailer: MemoryMailer;

beforeEach(() => {
  mailer = createMemoryMailer();
});

describe('the mailer in memory', () => {
  it('keeps each mail as it was passed, as it would have gone out, and its outcome', async () => {
    const outcome = await mailer.send(MAIL);

    expect(outcome).toMatchObject({ kind: 'taken', id: 'reply-1', taken: { recipients: MAIL.to } });
    expect(mailer.sent).toEqual([{ id: 'reply-1', mail: MAIL, delivery: expect.anything(), outcome }]);
    expect(mailer.sent[0]?.delivery?.mime.toString()).toContain('Subject: Your order\r\n');
    expect(mailer.sent[0]?.delivery).toMatchObject({ from: 'support@keybuzz.io', to: MAIL.to });
  });

  it('refuses what the real mailer would refuse', async () => {
    const outcome = await mailer.send({ ...MAIL, to: 'marie@localhost' });

    expect(outcome).toMatchObject({ kind: 'refused', reason: 'invalid' });
    expect(mailer.sent).toEqual([
      { id: 'reply-1', mail: { ...MAIL, to: 'marie@localhost' }, delivery: undefined, outcome },
    ]);
  });

  it.each(FAILURE_CLASSES)('hands over if SMTP fails as %s', async (failureClass) => {
    mailer.failSmtp(failureClass);

    expect(await mailer.send(MAIL)).toMatchObject({
      kind: 'handed-over',
      handOver: { failure: { class: failureClass }, recipients: MAIL.to },
    });
  });

  it('holds what SMTP may have accepted, if the option says so', async () => {
    mailer = createMemoryMailer({ onUnknown: 'hold' });
    mailer.failSmtp('unknown');

    expect(await mailer.send(MAIL)).toMatchObject({ kind: 'held', recipients: MAIL.to });
  });

  it('splits a mail of which SMTP refuses some recipients', async () => {
    mailer.failSmtp('rejected', ['paul@example.org']);

    expect(await mailer.send(MAIL)).toMatchObject({
      kind: 'split',
      taken: { recipients: ['marie@example.org'] },
      handOver: { recipients: ['paul@example.org'] },
    });
  });

  it('accepts nothing if both ways fail, and everything once they are repaired', async () => {
    mailer.failSmtp('unreachable');
    mailer.failFallback();
    const lost = await mailer.send(MAIL);
    mailer.repair();
    const sent = await mailer.send({ ...MAIL, id: 'reply-2' });

    expect(lost).toMatchObject({ kind: 'not-accepted', fallback: { code: 'queue-unavailable' } });
    expect(sent.kind).toBe('taken');
    expect(mailer.sent.map(({ id, outcome }) => [id, outcome.kind])).toEqual([
      ['reply-1', 'not-accepted'],
      ['reply-2', 'taken'],
    ]);
  });

  it('composes an urgent mail as such, and keeps that of a stored delivery', async () => {
    const composed = await mailer.compose({ ...MAIL, urgent: true });
    if (composed.kind !== 'delivery') throw new Error(composed.detail);
    const stored = JSON.parse(JSON.stringify(composed.delivery));
    const { createdAt, expiresAt } = composed.delivery;
    await mailer.deliver({ ...stored, mime: composed.delivery.mime, createdAt, expiresAt });
    await mailer.send({ ...MAIL, id: 'reply-2' });

    expect(mailer.sent.map(({ delivery }) => delivery?.priority)).toEqual(['urgent', undefined]);
  });

  it('refuses a stored delivery of a priority that does not exist', async () => {
    const composed = await mailer.compose(MAIL);
    if (composed.kind !== 'delivery') throw new Error(composed.detail);
    const outcome = await mailer.deliver({ ...composed.delivery, ...JSON.parse('{"priority":"high"}') });

    expect(outcome).toMatchObject({
      kind: 'refused',
      reason: 'invalid',
      detail: expect.stringMatching(/priority.*urgent, normal/),
    });
  });

  it('refuses a failure class that does not exist', () => {
    expect(() => mailer.failSmtp(JSON.parse('"unreachible"'))).toThrow(
      /unreachible is no failure class: unreachable/,
    );
  });

  it('tells of a sender of another domain', async () => {
    const foreign: string[] = [];
    const strict = createMemoryMailer({
      domain: 'keybuzz.io',
      onForeignSender: ({ deliveryId, detail }) => foreign.push(`${deliveryId}: ${detail}`),
    });
    await strict.send({ ...MAIL, from: 'marie@shop.example' });

    expect(foreign).toEqual(["reply-1: the envelope's sender is not of keybuzz.io"]);
  });

  it('knows the mail of a delivery that was composed before, and is empty after a reset', async () => {
    const composed = await mailer.compose(MAIL);
    if (composed.kind !== 'delivery') throw new Error(composed.detail);
    await mailer.deliver({ ...composed.delivery, to: ['paul@example.org'] });
    await mailer.handOver(composed.delivery);

    expect(mailer.sent.map(({ mail, outcome }) => [mail, outcome.kind])).toEqual([
      [MAIL, 'taken'],
      [MAIL, 'handed-over'],
    ]);
    mailer.reset();
    expect(mailer.sent).toEqual([]);
  });
});
