import { describe, expect, it } from '@jest/globals';
import { composeWith, synthesise } from '../synthesise.ts';

const identity = synthesise().identity;
const published = synthesise({
  hostedZoneId: 'Z123456ABCDEFG',
  domain: 'example.org',
  region: 'eu-central-1',
}).identity;

describe('the identity', () => {
  it('is the domain, signed by Easy DKIM with 2048 bits and with its own MAIL FROM domain', () => {
    identity.hasResourceProperties('AWS::SES::EmailIdentity', {
      EmailIdentity: 'keybuzz.io',
      DkimSigningAttributes: { NextSigningKeyLength: 'RSA_2048_BIT' },
      MailFromAttributes: {
        MailFromDomain: 'bounce.keybuzz.io',
        BehaviorOnMxFailure: 'USE_DEFAULT_VALUE',
      },
      Tags: [
        { Key: 'project', Value: 'keybuzz' },
        { Key: 'stage', Value: 'shared' },
      ],
    });
  });

  it('outlives its stack, which cannot be deleted by mistake', () => {
    identity.hasResource('AWS::SES::EmailIdentity', { DeletionPolicy: 'RetainExceptOnCreate' });
    identity.hasResourceProperties('AWS::SES::EmailIdentity', {
      FeedbackAttributes: { EmailForwardingEnabled: false },
    });
    expect(composeWith().identity.terminationProtection).toBe(true);
  });

  it('is the same whichever stage is deployed', () => {
    expect(synthesise({ stage: 'prod' }).identity.toJSON()).toEqual(identity.toJSON());
  });
});

describe('an identity that somebody else owns', () => {
  const { identity: existing } = synthesise({ existingIdentity: true, hostedZoneId: 'Z123456ABCDEFG' });

  it('is neither created nor changed, and neither are its records', () => {
    existing.resourceCountIs('AWS::SES::EmailIdentity', 0);
    existing.resourceCountIs('AWS::Route53::RecordSet', 0);
  });

  it('still says which records its mail needs, but for those that SES has verified', () => {
    existing.hasOutput('MailFromMxRecord', {});
    existing.hasOutput('DmarcRecord', {});
    expect(Object.keys(existing.findOutputs('*')).filter((name) => name.startsWith('Dkim'))).toEqual([]);
  });
});

describe('the DNS records', () => {
  it('are outputs for a person to enter', () => {
    const [id] = Object.keys(identity.findResources('AWS::SES::EmailIdentity'));
    for (const number of [1, 2, 3]) {
      const part = (attribute: string) => ({ 'Fn::GetAtt': [id, `DkimDNSToken${attribute}${number}`] });
      identity.hasOutput(`DkimRecord${number}`, {
        Value: { 'Fn::Join': ['', [part('Name'), ' CNAME ', part('Value')]] },
      });
    }
    identity.hasOutput('MailFromMxRecord', {
      Value: 'bounce.keybuzz.io MX 10 feedback-smtp.eu-west-1.amazonses.com',
    });
    identity.hasOutput('MailFromSpfRecord', {
      Value: 'bounce.keybuzz.io TXT "v=spf1 include:amazonses.com ~all"',
    });
    identity.hasOutput('DmarcRecord', { Value: '_dmarc.keybuzz.io TXT "v=DMARC1; p=none;"' });
  });

  it('are not written without a zone', () => {
    identity.resourceCountIs('AWS::Route53::RecordSet', 0);
  });

  it('are written to the zone, in the region and for the domain that were set', () => {
    published.allResourcesProperties('AWS::Route53::RecordSet', { HostedZoneId: 'Z123456ABCDEFG' });
    const ofType = (Type: string) =>
      published.findResources('AWS::Route53::RecordSet', { Properties: { Type } });
    expect(Object.keys(ofType('CNAME'))).toHaveLength(3);
    published.resourceCountIs('AWS::Route53::RecordSet', 6);
    published.allResources('AWS::Route53::RecordSet', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
    published.hasResourceProperties('AWS::Route53::RecordSet', {
      Type: 'MX',
      Name: 'bounce.example.org.',
      ResourceRecords: ['10 feedback-smtp.eu-central-1.amazonses.com'],
    });
    published.hasResourceProperties('AWS::Route53::RecordSet', {
      Type: 'TXT',
      Name: 'bounce.example.org.',
      ResourceRecords: ['"v=spf1 include:amazonses.com ~all"'],
    });
    published.hasResourceProperties('AWS::Route53::RecordSet', {
      Type: 'TXT',
      Name: '_dmarc.example.org.',
      ResourceRecords: ['"v=DMARC1; p=none;"'],
    });
  });

  it('leave a DMARC record alone that the domain already has', () => {
    const kept = synthesise({ hostedZoneId: 'Z123456ABCDEFG', publishDmarc: 'false' }).identity;
    kept.resourceCountIs('AWS::Route53::RecordSet', 5);
    kept.hasOutput('DmarcRecord', {});
  });
});
