import { GetConfigurationSetCommand, GetEmailIdentityCommand } from '@aws-sdk/client-sesv2';
import { describe, expect, it } from '@jest/globals';
import { errorOf, HELLO, type RunningDouble, runDouble, send } from './running-double.ts';

const identity = ({ v2 }: RunningDouble, name: string) =>
  v2.send(new GetEmailIdentityCommand({ EmailIdentity: name }));

describe('GetEmailIdentity', () => {
  it('describes a verified domain with its DKIM tokens', async () => {
    const running = await runDouble({ identities: ['example.org'] });
    const described = await identity(running, 'Example.org');
    expect(described).toMatchObject({
      IdentityType: 'DOMAIN',
      VerifiedForSendingStatus: true,
      VerificationStatus: 'SUCCESS',
      DkimAttributes: { Status: 'SUCCESS', SigningEnabled: true, SigningAttributesOrigin: 'AWS_SES' },
      MailFromAttributes: { BehaviorOnMxFailure: 'USE_DEFAULT_VALUE' },
    });
    expect(described.MailFromAttributes?.MailFromDomain).toBeUndefined();
    expect(new Set(described.DkimAttributes?.Tokens).size).toBe(3);
    for (const token of described.DkimAttributes?.Tokens ?? []) expect(token).toMatch(/^[a-z0-9]{32}$/);
  });

  it('follows the state as it changes', async () => {
    const running = await runDouble({ identities: [] });
    const state = running.double.account.identities.add('example.org', {
      status: 'PENDING',
      dkimTokens: ['a', 'b', 'c'],
      mailFrom: { domain: 'bounce.example.org', status: 'PENDING' },
    });
    expect(await identity(running, 'example.org')).toMatchObject({
      VerifiedForSendingStatus: false,
      VerificationStatus: 'PENDING',
      DkimAttributes: { Status: 'PENDING', Tokens: ['a', 'b', 'c'] },
      MailFromAttributes: {
        MailFromDomain: 'bounce.example.org',
        MailFromDomainStatus: 'PENDING',
        BehaviorOnMxFailure: 'USE_DEFAULT_VALUE',
      },
    });
    state.status = 'FAILED';
    state.verificationError = 'HOST_NOT_FOUND';
    state.mailFrom = {
      domain: 'bounce.example.org',
      status: 'FAILED',
      behaviorOnMxFailure: 'REJECT_MESSAGE',
    };
    expect(await identity(running, 'example.org')).toMatchObject({
      VerificationStatus: 'FAILED',
      VerificationInfo: { ErrorType: 'HOST_NOT_FOUND' },
      DkimAttributes: { Status: 'FAILED' },
      MailFromAttributes: { MailFromDomainStatus: 'FAILED', BehaviorOnMxFailure: 'REJECT_MESSAGE' },
    });
    state.status = 'SUCCESS';
    state.dkimStatus = 'TEMPORARY_FAILURE';
    expect(await identity(running, 'example.org')).toMatchObject({
      VerifiedForSendingStatus: true,
      DkimAttributes: { Status: 'TEMPORARY_FAILURE' },
    });
  });

  it('describes an address, which has no DKIM records', async () => {
    const running = await runDouble({ identities: ['friend@example.net'] });
    expect(await identity(running, 'friend@example.net')).toMatchObject({
      IdentityType: 'EMAIL_ADDRESS',
      VerifiedForSendingStatus: true,
      DkimAttributes: { SigningEnabled: false, Status: 'NOT_STARTED' },
    });
  });

  it('finds no identity that was not created', async () => {
    const running = await runDouble();
    expect(await errorOf(identity(running, 'example.com'))).toEqual({
      name: 'NotFoundException',
      message: 'Email identity example.com does not exist.',
      status: 404,
    });
  });
});

describe.each(['v1', 'v2'] as const)('an identity that is not verified, by %s', (api) => {
  it('may be an address as well', async () => {
    const running = await runDouble({ identities: [] });
    const state = running.double.account.identities.add('shop@example.org', { status: 'FAILED' });
    expect(await errorOf(send(running, api))).toMatchObject({ name: 'MessageRejected' });
    state.status = 'SUCCESS';
    await send(running, api);
    expect(running.double.mails).toHaveLength(1);
  });

  it('sends nothing until it is', async () => {
    const running = await runDouble({ identities: [] });
    const state = running.double.account.identities.add('example.org', { status: 'PENDING' });
    const error = await errorOf(send(running, api, { raw: HELLO }));
    expect(error).toMatchObject({ name: 'MessageRejected', status: 400 });
    state.status = 'SUCCESS';
    await send(running, api, { raw: HELLO });
    expect(running.double.mails).toHaveLength(1);
  });
});

describe('GetConfigurationSet', () => {
  const configurationSet = ({ v2 }: RunningDouble, name: string) =>
    v2.send(new GetConfigurationSetCommand({ ConfigurationSetName: name }));

  it('reports whether it may send, and its options', async () => {
    const running = await runDouble({ configurationSets: ['mail'] });
    expect(await configurationSet(running, 'mail')).toMatchObject({
      ConfigurationSetName: 'mail',
      SendingOptions: { SendingEnabled: true },
      DeliveryOptions: { TlsPolicy: 'OPTIONAL' },
      ReputationOptions: { ReputationMetricsEnabled: false },
    });
    running.double.account.configurationSets.set('mail', {
      sendingEnabled: false,
      tlsPolicy: 'REQUIRE',
      reputationMetrics: true,
    });
    expect(await configurationSet(running, 'mail')).toMatchObject({
      SendingOptions: { SendingEnabled: false },
      DeliveryOptions: { TlsPolicy: 'REQUIRE' },
      ReputationOptions: { ReputationMetricsEnabled: true },
    });
  });

  it('finds no set that was not created', async () => {
    const running = await runDouble();
    expect(await errorOf(configurationSet(running, 'mail'))).toEqual({
      name: 'NotFoundException',
      message: 'Configuration set <mail> does not exist.',
      status: 404,
    });
  });
});
