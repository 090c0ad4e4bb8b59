import type { DeploymentFacts } from './deployment-facts.ts';

/** SES takes no longer text. */
export const MAX_USE_CASE_CHARACTERS = 5000;

export interface DraftFacts extends DeploymentFacts {
  readonly website: string;
  /** What SES's own suppression list takes addresses for. */
  readonly suppressedReasons: readonly string[];
  /** Mails a day that are expected at most. */
  readonly dailyVolume: number | undefined;
}

/**
 * Tells AWS what its reviewers ask for: what is sent, to whom, how they asked for it, what becomes of bounces and
 * complaints, and how much it is. The half about the pipeline is what is deployed; the half about the product is a
 * proposal, which the operator reads before it is filed.
 *
 * https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html
 */
export function draftUseCase(facts: DraftFacts): string {
  const { domain, mailFromDomain, region, configurationSet, website } = facts;
  return [
    `We send transactional mail of ${website}, from ${domain} alone, for sellers on marketplaces and the people they deal with. There is no marketing mail, no newsletter, and no bought, rented or harvested list.`,
    '',
    'What we send:',
    "- replies of a seller's support to a buyer who wrote to them first;",
    '- one-time codes and sign-in links that a user has just asked for;',
    '- invitations that a team member sends to a named colleague;',
    '- invoices and notices about a subscription, to the account holder;',
    '- alerts that a user has switched on in their settings.',
    '',
    'How recipients come to ask for it: each mail answers an action of the recipient or of the account that they belong to. Buyers write first; users ask for a code, hold the account that is billed, or have switched the alert on; who is invited is named by a colleague, one by one.',
    '',
    `How SES is used: our own mail server takes the mail. Only what it did not take goes to a queue, and from there through SES in ${region}. The identity ${domain} signs with Easy DKIM, the MAIL FROM domain is ${mailFromDomain}, and a DMARC record is part of the deployment.`,
    '',
    'Bounces and complaints, which are handled without a person:',
    `- The configuration set ${configurationSet} publishes sends, deliveries, delays, bounces, complaints and rejects to an SNS topic, and a function applies each event to the mail it is about.`,
    '- A recipient that bounces for ever or complains is put on our own suppression list at once; one that bounces softly several times within a few days, too. Nothing more is sent to who is on it.',
    ...accountList(facts),
    '- The reputation metrics of the configuration set are on; dead letters and failures are looked at by a person.',
    '',
    `Volume: ${volumeOf(facts)} The functions keep to the sending rate and to the daily quota of the account by themselves.`,
  ].join('\n');
}

function accountList({ suppressedReasons }: DraftFacts): readonly string[] {
  if (!['BOUNCE', 'COMPLAINT'].every((reason) => suppressedReasons.includes(reason))) return [];
  return ["- SES's own suppression list of the account is switched on for bounces and complaints besides."];
}

function volumeOf({ dailyVolume }: DraftFacts): string {
  const usual = 'usually close to none, since SES is the way out when our mail server fails.';
  if (dailyVolume === undefined) return usual;
  return `${usual} In an outage at most ${dailyVolume.toLocaleString('en')} mails a day.`;
}
