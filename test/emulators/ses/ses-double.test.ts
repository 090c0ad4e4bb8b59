import { describe, expect, it } from '@jest/globals';
import type { SesMail } from '../../../lib/emulators/ses/submission.ts';
import { errorOf, runDouble, send } from './running-double.ts';

describe('waiting for a mail', () => {
  it('ends with the first match, sent before or after', async () => {
    const running = await runDouble();
    await send(running, 'v1', { tags: { id: '1' } });
    const later = running.double.waitFor(({ tags }) => tags.id === '2');
    const sent = send(running, 'v2', { tags: { id: '2' } });
    expect((await later).sesMessageId).toBe(await sent);
    expect((await running.double.waitFor(({ tags }) => tags.id === '1')).api).toBe('v1');
  });

  it('ends with an error after the timeout', async () => {
    const { double } = await runDouble();
    await expect(double.waitFor(() => true, { timeoutMs: 1 })).rejects.toThrow('no such mail within 1 ms');
  });

  it('ends with the reason of a signal, aborted before or while waiting', async () => {
    const { double } = await runDouble();
    const controller = new AbortController();
    const waiting = double.waitFor(() => true, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(double.waitFor(() => true, { signal: controller.signal })).rejects.toThrow('enough');
  });

  it('ends with an error when the server is closed', async () => {
    const { double } = await runDouble();
    const waiting = double.waitFor(() => true);
    await Promise.all([expect(waiting).rejects.toThrow('closed before the mail came'), double.close()]);
    await expect(double.waitFor(() => true)).rejects.toThrow('closed before the mail came');
  });
});

describe('a double', () => {
  it('notifies subscribers of each mail until they unsubscribe', async () => {
    const running = await runDouble();
    const seen: SesMail[] = [];
    const unsubscribe = running.double.subscribe((mail) => seen.push(mail));
    await send(running, 'v1');
    unsubscribe();
    await send(running, 'v1');
    expect(seen).toEqual([running.double.mails[0]]);
  });

  it('passes each mail to onMail', async () => {
    const seen: string[] = [];
    const running = await runDouble({
      onMail: async ({ sesMessageId }) => {
        seen.push(sesMessageId);
      },
    });
    const id = await send(running, 'v1');
    expect(seen).toEqual([id]);
  });

  it('responds even if onMail fails, which close() reports', async () => {
    const running = await runDouble({
      onMail: () => {
        throw new Error('no next hop');
      },
    });
    await send(running, 'v1');
    await expect(running.double.close()).rejects.toThrow('onMail failed');
  });

  it('records every call with its outcome', async () => {
    const running = await runDouble();
    await send(running, 'v1', { tags: { id: '1' } });
    await errorOf(send(running, 'v2', { source: 'a@other.example' }));
    expect(running.double.calls).toMatchObject([
      { api: 'v1', operation: 'SendRawEmail', tags: { id: '1' }, outcome: { kind: 'answered', status: 200 } },
      { api: 'v2', operation: 'SendEmail', outcome: { status: 400, code: 'MessageRejected' } },
    ]);
  });

  it('removes its records by clear()', async () => {
    const running = await runDouble();
    await send(running, 'v1');
    running.double.clear();
    expect(running.double.mails).toHaveLength(0);
    expect(running.double.calls).toHaveLength(0);
  });

  it('may be closed twice', async () => {
    const { double } = await runDouble();
    await double.close();
    await double.close();
  });

  it('runs next to others', async () => {
    const [one, other] = await Promise.all([runDouble(), runDouble()]);
    await send(one, 'v1');
    expect(other.double.mails).toHaveLength(0);
    expect(one.double.url).not.toBe(other.double.url);
  });
});
