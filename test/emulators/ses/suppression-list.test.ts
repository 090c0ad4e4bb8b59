import {
  DeleteSuppressedDestinationCommand,
  GetAccountCommand,
  GetSuppressedDestinationCommand,
  ListSuppressedDestinationsCommand,
  type ListSuppressedDestinationsCommandInput,
  PutSuppressedDestinationCommand,
  paginateListSuppressedDestinations,
  type SESv2Client,
  type SuppressionListReason,
} from '@aws-sdk/client-sesv2';
import { describe, expect, it } from '@jest/globals';
import type { DeliveryScript } from '../../../lib/emulators/ses/simulate-delivery.ts';
import { errorOf, runDouble, send } from './running-double.ts';

const configurationSet = 'mail';
const START = Date.parse('2026-03-01T12:00:00Z');

/** A clock that advances a minute each time it is read. */
function minutes() {
  let ms = START;
  return {
    now: () => {
      ms += 60_000;
      return new Date(ms);
    },
  };
}

const put = (v2: SESv2Client, EmailAddress: string, Reason: SuppressionListReason = 'BOUNCE') =>
  v2.send(new PutSuppressedDestinationCommand({ EmailAddress, Reason }));

const get = (v2: SESv2Client, EmailAddress: string) =>
  v2.send(new GetSuppressedDestinationCommand({ EmailAddress }));

async function listed(v2: SESv2Client, input: ListSuppressedDestinationsCommandInput = {}) {
  const { SuppressedDestinationSummaries } = await v2.send(new ListSuppressedDestinationsCommand(input));
  return SuppressedDestinationSummaries?.map(({ EmailAddress }) => EmailAddress);
}

describe('the suppression list of the account', () => {
  it('keeps an address until it is removed', async () => {
    const at = new Date(START);
    const { v2 } = await runDouble({ clock: { now: () => at } });
    await put(v2, 'Jane+1/x@Example.net', 'COMPLAINT');
    const { SuppressedDestination } = await get(v2, 'jane+1/x@example.net');
    expect(SuppressedDestination).toEqual({
      EmailAddress: 'Jane+1/x@Example.net',
      Reason: 'COMPLAINT',
      LastUpdateTime: at,
    });
    await v2.send(new DeleteSuppressedDestinationCommand({ EmailAddress: 'Jane+1/x@Example.net' }));
    const missing = {
      name: 'NotFoundException',
      status: 404,
      message: 'Email address jane@example.net does not exist on your suppression list.',
    };
    expect(await errorOf(get(v2, 'Jane+1/x@Example.net'))).toMatchObject({ name: 'NotFoundException' });
    expect(await errorOf(get(v2, 'jane@example.net'))).toEqual(missing);
    const gone = v2.send(new DeleteSuppressedDestinationCommand({ EmailAddress: 'jane@example.net' }));
    expect(await errorOf(gone)).toEqual(missing);
  });

  it('has one entry for an address, the latest', async () => {
    const { v2 } = await runDouble({ clock: minutes() });
    await put(v2, 'a@example.net', 'BOUNCE');
    const before = await get(v2, 'a@example.net');
    await put(v2, 'A@example.net', 'COMPLAINT');
    const after = await get(v2, 'a@example.net');
    expect(after.SuppressedDestination?.Reason).toBe('COMPLAINT');
    expect(after.SuppressedDestination?.LastUpdateTime?.getTime()).toBeGreaterThan(
      before.SuppressedDestination?.LastUpdateTime?.getTime() ?? Number.NaN,
    );
    expect(await listed(v2)).toHaveLength(1);
  });

  it('is listed page by page', async () => {
    const { v2 } = await runDouble();
    const addresses = ['a@example.net', 'b@example.net', 'c@example.net', 'd@example.net'];
    for (const address of addresses) await put(v2, address);
    const pages: (string | undefined)[][] = [];
    for await (const page of paginateListSuppressedDestinations({ client: v2, pageSize: 2 }, {})) {
      pages.push((page.SuppressedDestinationSummaries ?? []).map(({ EmailAddress }) => EmailAddress));
    }
    expect(pages).toEqual([addresses.slice(0, 2), addresses.slice(2)]);
  });

  it('is listed by reason and by time', async () => {
    const clock = minutes();
    const { v2 } = await runDouble({ clock });
    await put(v2, 'a@example.net', 'BOUNCE');
    const between = clock.now();
    await put(v2, 'b@example.net', 'COMPLAINT');
    expect(await listed(v2)).toEqual(['a@example.net', 'b@example.net']);
    expect(await listed(v2, { Reasons: ['COMPLAINT'] })).toEqual(['b@example.net']);
    expect(await listed(v2, { Reasons: ['COMPLAINT', 'BOUNCE'] })).toHaveLength(2);
    expect(await listed(v2, { StartDate: between })).toEqual(['b@example.net']);
    expect(await listed(v2, { EndDate: between })).toEqual(['a@example.net']);
  });

  it.each([
    [{ NextToken: 'made-up' }, 'InvalidNextTokenException'],
    [{ PageSize: 0 }, 'BadRequestException'],
    [{ Reasons: ['NO_REASON' as SuppressionListReason] }, 'BadRequestException'],
  ])('rejects to be listed by %j', async (input, name) => {
    const { v2 } = await runDouble();
    expect(await errorOf(listed(v2, input))).toMatchObject({ name, status: 400 });
  });

  it('rejects an invalid address or reason', async () => {
    const { v2 } = await runDouble();
    const bad = { name: 'BadRequestException', status: 400 };
    expect(await errorOf(put(v2, 'nobody'))).toMatchObject(bad);
    const noReason = put(v2, 'a@example.net', 'SOFT' as SuppressionListReason);
    expect(await errorOf(noReason)).toMatchObject(bad);
    expect(await listed(v2)).toEqual([]);
  });

  it('accepts no manual entries in the sandbox', async () => {
    const { v2 } = await runDouble({ sandbox: true });
    expect(await errorOf(put(v2, 'a@example.net'))).toMatchObject({ name: 'BadRequestException' });
    expect(await listed(v2)).toEqual([]);
  });

  it('has its reasons returned by GetAccount', async () => {
    const { double, v2 } = await runDouble();
    const reasons = async () =>
      (await v2.send(new GetAccountCommand({}))).SuppressionAttributes?.SuppressedReasons;
    expect(await reasons()).toEqual(['BOUNCE', 'COMPLAINT']);
    double.account.suppressedReasons.delete('BOUNCE');
    expect(await reasons()).toEqual(['COMPLAINT']);
  });
});

describe('an entry of the list', () => {
  const CASES: [DeliveryScript, SuppressionListReason | undefined][] = [
    [{ kind: 'hard-bounce' }, 'BOUNCE'],
    [{ kind: 'hard-bounce', subType: 'NoEmail' }, 'BOUNCE'],
    [{ kind: 'delivered-then-bounced' }, 'BOUNCE'],
    [{ kind: 'complaint' }, 'COMPLAINT'],
    [{ kind: 'hard-bounce', subType: 'Suppressed' }, undefined],
    [{ kind: 'soft-bounce' }, undefined],
    [{ kind: 'undetermined-bounce' }, undefined],
    [{ kind: 'delayed-then-delivered' }, undefined],
    [{ kind: 'delivered' }, undefined],
  ];
  it.each(CASES)('depends on the outcome of a mail: %j', async (status, reason) => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.status(() => status);
    // an event that is withheld, or never published, does not change the list of the account
    running.double.disturbEvents({ effect: { kind: 'withhold' } });
    await send(running, 'v1', { configurationSet, to: ['a@example.net'] });
    await send(running, 'v1', { to: ['b@example.net'] });
    const entries = running.double.account.suppressionList.list();
    expect(entries.map((entry) => [entry.address, entry.reason])).toEqual(
      reason === undefined
        ? []
        : [
            ['a@example.net', reason],
            ['b@example.net', reason],
          ],
    );
  });

  it('refers to its event', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    running.double.status(() => ({ kind: 'hard-bounce' }));
    const messageId = await send(running, 'v1', { configurationSet });
    const bounce = await running.double.waitForEvent(({ eventType }) => eventType === 'Bounce');
    const { SuppressedDestination } = await get(running.v2, 'buyer@example.net');
    expect(SuppressedDestination?.Attributes?.MessageId).toBe(messageId);
    expect(bounce).toMatchObject({ bounce: { feedbackId: SuppressedDestination?.Attributes?.FeedbackId } });
  });

  it('is never of the mailbox simulator', async () => {
    const running = await runDouble();
    const to = ['bounce@simulator.amazonses.com', 'complaint@simulator.amazonses.com'];
    await send(running, 'v1', { to });
    expect(await listed(running.v2)).toEqual([]);
  });

  it('is not added for a reason that the account does not suppress', async () => {
    const running = await runDouble();
    running.double.account.suppressedReasons.delete('BOUNCE');
    running.double.status(() => ({ kind: 'hard-bounce' }));
    await send(running, 'v1');
    expect(await listed(running.v2)).toEqual([]);
  });
});

describe('a mail to an address on the list', () => {
  it('is accepted and bounced, for any scripted status, and is delivered to the other recipients', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    await put(running.v2, 'A@example.net');
    running.double.status(() => ({ kind: 'delivered' }));
    await send(running, 'v1', { configurationSet, to: ['a@example.net', 'b@example.net'] });
    expect(running.double.events).toMatchObject([
      { eventType: 'Send' },
      {
        eventType: 'Bounce',
        bounce: {
          bounceType: 'Permanent',
          bounceSubType: 'OnAccountSuppressionList',
          bouncedRecipients: [{ emailAddress: 'a@example.net' }],
        },
      },
      { eventType: 'Delivery', delivery: { recipients: ['b@example.net'] } },
    ]);
  });

  it('is delivered if the account does not suppress for that reason', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    await put(running.v2, 'a@example.net', 'COMPLAINT');
    running.double.account.suppressedReasons.delete('COMPLAINT');
    await send(running, 'v1', { configurationSet, to: ['a@example.net'] });
    expect(running.double.events[1]?.eventType).toBe('Delivery');
  });
});
