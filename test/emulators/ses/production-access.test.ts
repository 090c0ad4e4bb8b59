import {
  GetAccountCommand,
  PutAccountDetailsCommand,
  type PutAccountDetailsCommandInput,
} from '@aws-sdk/client-sesv2';
import { describe, expect, it } from '@jest/globals';
import { errorOf, type RunningDouble, runDouble, send } from './running-double.ts';

const REQUEST: PutAccountDetailsCommandInput = {
  MailType: 'TRANSACTIONAL',
  WebsiteURL: 'https://example.org',
  ContactLanguage: 'EN',
  UseCaseDescription: 'Replies to buyers',
  AdditionalContactEmailAddresses: ['owner@example.org'],
  ProductionAccessEnabled: true,
};

const request = ({ v2 }: RunningDouble, changes: Partial<PutAccountDetailsCommandInput> = {}) =>
  v2.send(new PutAccountDetailsCommand({ ...REQUEST, ...changes }));

const account = ({ v2 }: RunningDouble) => v2.send(new GetAccountCommand({}));

describe('a request for production access', () => {
  it('is stored and waits for its review', async () => {
    const running = await runDouble({ sandbox: true });
    expect((await account(running)).Details).toBeUndefined();
    await request(running);
    const { Details, ProductionAccessEnabled } = await account(running);
    expect(ProductionAccessEnabled).toBe(false);
    expect(Details).toMatchObject({
      MailType: 'TRANSACTIONAL',
      WebsiteURL: 'https://example.org',
      ContactLanguage: 'EN',
      UseCaseDescription: 'Replies to buyers',
      AdditionalContactEmailAddresses: ['owner@example.org'],
      ReviewDetails: { Status: 'PENDING' },
    });
    expect(Details?.ReviewDetails?.CaseId).toMatch(/^\d{15}$/);
  });

  it('lifts the sandbox and its limits if granted', async () => {
    const running = await runDouble({ sandbox: true });
    await request(running);
    const { Details: before } = await account(running);
    running.double.account.decideReview('GRANTED');
    expect(await account(running)).toMatchObject({
      ProductionAccessEnabled: true,
      SendQuota: { Max24HourSend: 50_000, MaxSendRate: 14 },
      Details: { ReviewDetails: { Status: 'GRANTED', CaseId: before?.ReviewDetails?.CaseId } },
    });
    await send(running, 'v2', { to: ['buyer@example.net'] });
    expect(running.double.mails).toHaveLength(1);
  });

  it('is rejected while another is under review', async () => {
    const running = await runDouble({ sandbox: true });
    await request(running);
    const error = await errorOf(request(running, { WebsiteURL: 'https://example.com' }));
    expect(error).toMatchObject({ name: 'ConflictException', status: 409 });
    expect((await account(running)).Details?.WebsiteURL).toBe('https://example.org');
  });

  it('is rejected after a denial, which leaves the account in the sandbox', async () => {
    const running = await runDouble({ sandbox: true });
    await request(running);
    running.double.account.decideReview('DENIED');
    expect(await errorOf(request(running))).toMatchObject({ name: 'ConflictException', status: 409 });
    expect(await account(running)).toMatchObject({
      ProductionAccessEnabled: false,
      Details: { ReviewDetails: { Status: 'DENIED' } },
    });
  });

  it('can be repeated if AWS failed to process it', async () => {
    const running = await runDouble({ sandbox: true });
    await request(running);
    running.double.account.decideReview('FAILED');
    await request(running);
    expect((await account(running)).Details?.ReviewDetails?.Status).toBe('PENDING');
  });

  it('is filed only if ProductionAccessEnabled is set', async () => {
    const running = await runDouble({ sandbox: true });
    await request(running, { ProductionAccessEnabled: undefined });
    const { Details } = await account(running);
    expect(Details?.MailType).toBe('TRANSACTIONAL');
    expect(Details?.ReviewDetails).toBeUndefined();
  });
});

const FIVE = ['1@ex.org', '2@ex.org', '3@ex.org', '4@ex.org', '5@ex.org'];

/** Documented limits, and the field that SES names if they are exceeded. */
const WRONG: readonly [what: string, changes: object, path: string][] = [
  ['no website', { WebsiteURL: undefined }, 'websiteURL'],
  ['an empty website', { WebsiteURL: '' }, 'websiteURL'],
  ['a website of 1,001 characters', { WebsiteURL: `https://${'a'.repeat(993)}` }, 'websiteURL'],
  ['no type of mail', { MailType: undefined }, 'mailType'],
  ['an unknown type of mail', { MailType: 'SPAM' }, 'mailType'],
  ['an unknown language', { ContactLanguage: 'FR' }, 'contactLanguage'],
  ['a use case of 5,001 characters', { UseCaseDescription: 'a'.repeat(5001) }, 'useCaseDescription'],
  ['no address in the list', { AdditionalContactEmailAddresses: [] }, 'additionalContactEmailAddresses'],
  ['five addresses', { AdditionalContactEmailAddresses: FIVE }, 'additionalContactEmailAddresses'],
  ['an invalid address', { AdditionalContactEmailAddresses: ['nobody'] }, 'additionalContactEmailAddresses'],
];

describe('the details of an account', () => {
  it.each(WRONG)('cannot have %s', async (_what, changes, path) => {
    const running = await runDouble({ sandbox: true });
    const error = await errorOf(request(running, changes));
    expect(error).toMatchObject({ name: 'BadRequestException', status: 400 });
    expect(error.message).toContain(`1 validation error detected: Value at '${path}`);
    expect((await account(running)).Details).toBeUndefined();
  });

  it('are rejected with all errors at once', async () => {
    const running = await runDouble({ sandbox: true });
    const error = await errorOf(request(running, { WebsiteURL: undefined, MailType: undefined }));
    expect(error.message).toBe(
      "2 validation errors detected: Value at 'websiteURL' failed to satisfy constraint: Member must not be null; " +
        "Value at 'mailType' failed to satisfy constraint: Member must not be null",
    );
  });

  it('may be as long as documented', async () => {
    const running = await runDouble({ sandbox: true });
    await request(running, {
      WebsiteURL: `https://${'a'.repeat(992)}`,
      UseCaseDescription: 'a'.repeat(5000),
      AdditionalContactEmailAddresses: FIVE.slice(0, 4),
    });
    expect((await account(running)).Details?.AdditionalContactEmailAddresses).toHaveLength(4);
  });
});
