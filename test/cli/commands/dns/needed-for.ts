/** The outputs of an identity stack, in the format that its constructs write. */
export function identityOutputs(domain: string): Record<string, string> {
  return {
    DkimRecord1: `one._domainkey.${domain} CNAME one.dkim.amazonses.com`,
    DkimRecord2: `two._domainkey.${domain} CNAME two.dkim.amazonses.com`,
    DkimRecord3: `three._domainkey.${domain} CNAME three.dkim.amazonses.com`,
    MailFromMxRecord: `bounce.${domain} MX 10 feedback-smtp.eu-west-1.amazonses.com`,
    MailFromSpfRecord: `bounce.${domain} TXT "v=spf1 include:amazonses.com ~all"`,
    DmarcRecord: `_dmarc.${domain} TXT "v=DMARC1; p=none;"`,
  };
}
