import { readFile, writeFile } from 'node:fs/promises';
import { PutAccountDetailsCommand, type SESv2Client } from '@aws-sdk/client-sesv2';
import * as v from 'valibot';
import { awsErrorCode } from '../../../adapters/aws-client.ts';
import { identityStackName, pipelineStackName } from '../../../common/names.ts';
import { addressSchema } from '../../../domain/fallback-message.ts';
import type { CommandContext } from '../../context.ts';
import { describeDeployment } from '../../deployment.ts';
import { OperatorError } from '../../errors.ts';
import { domainOf, neededRecords, recordFor } from '../../lookups/dns/needed-records.ts';

/** The maximum that SES accepts. */
const MAX_USE_CASE_CHARACTERS = 5000;

export interface DraftFacts extends DeploymentFacts {
  readonly website: string;
  /** Reasons for which SES's account-level list suppresses addresses. */
  readonly suppressedReasons: readonly string[];
  /** Expected maximum of mails per day. */
  readonly dailyVolume: number | undefined;
}

/**
 * Drafts the text that AWS reviewers ask for: what is sent, to whom, how recipients opted in, how bounces and
 * complaints are handled, and the volume. The part about the pipeline comes from the deployment; the part
 * about the product is a proposal, which the operator reviews before filing.
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

export const LANGUAGES = ['EN', 'JA'] as const;

/** Must be public: reviewers look at the site. */
export const websiteSchema = v.pipe(
  v.string(),
  v.maxLength(1000, 'at most 1000 characters'),
  v.url('a URL such as https://example.org'),
  v.check(
    (text) => isPublicSite(text),
    'a public site, http:// or https:// and a domain, such as https://example.org',
  ),
);

export const contactSchema = v.pipe(
  addressSchema,
  v.minLength(6, 'at least 6 characters'),
  v.maxLength(254, 'at most 254 characters'),
);

const useCaseSchema = v.pipe(
  v.string(),
  v.check((text) => text.trim() !== '', 'some text'),
  v.maxLength(
    MAX_USE_CASE_CHARACTERS,
    (issue) => `at most ${MAX_USE_CASE_CHARACTERS} characters, it has ${issue.received}`,
  ),
  v.regex(/^(?:[^\p{Cc}\ufffd]|[\t\n\r])*$/u, 'text in UTF-8 without control characters'),
);

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutAccountDetails.html */
const requestSchema = v.object({
  website: websiteSchema,
  language: v.picklist(LANGUAGES, LANGUAGES.join(' or ')),
  contacts: v.pipe(v.array(contactSchema), v.maxLength(4, 'at most 4 addresses')),
  useCase: useCaseSchema,
});

export type AccessRequest = v.InferOutput<typeof requestSchema>;

/** @throws {@link OperatorError} that lists everything SES would reject */
export function parseAccessRequest(request: v.InferInput<typeof requestSchema>): AccessRequest {
  const parsed = v.safeParse(requestSchema, request, { abortPipeEarly: true });
  if (parsed.success) return parsed.output;
  const problems = parsed.issues.map((issue) => `${v.getDotPath(issue)}: allowed is ${issue.message}`);
  throw new OperatorError('WRONG_REQUEST', problems.join('; '), 'put it right and run it again');
}

function isPublicSite(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username } = new URL(text);
  return (
    /^https?:$/.test(protocol) && username === '' && /^[^.]+(\.[^.]+)*\.[a-z][a-z0-9-]+$/i.test(hostname)
  );
}

/** Facts about the deployment for the request. */
export interface DeploymentFacts {
  readonly domain: string;
  readonly mailFromDomain: string;
  readonly region: string;
  readonly configurationSet: string;
}

/** @throws {@link OperatorError} if not deployed: the request must describe how bounces are handled */
export async function deploymentFacts({
  aws,
  deployment,
  signal,
}: Pick<CommandContext, 'aws' | 'deployment' | 'signal'>): Promise<DeploymentFacts> {
  const { identity, pipeline } = await describeDeployment(await aws.cloudFormation(), deployment, signal);
  const configurationSet = pipeline?.outputs.ConfigurationSetName;
  if (identity === undefined || configurationSet === undefined) {
    const missing = identity === undefined ? identityStackName(deployment) : pipelineStackName(deployment);
    throw new OperatorError(
      'NOT_DEPLOYED',
      `there is no stack ${missing} in this Region, and the request tells what is deployed`,
      `npm run deploy -- -c stage=${deployment.stage}`,
    );
  }
  const needed = neededRecords(identity);
  const mailFromDomain = recordFor(needed, 'mail-from-mx').name;
  return { domain: domainOf(needed), mailFromDomain, region: aws.region, configurationSet };
}

/** @throws {@link OperatorError} if the file exists: it may have been edited */
export async function writeUseCase(file: string, text: string): Promise<void> {
  await writeFile(file, `${text}\n`, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    const exists = cause.code === 'EEXIST';
    const message = exists ? `${file} is there already` : `${file} cannot be written: ${cause.code}`;
    const fix = exists
      ? 'name another --draft-file, or file it by --text'
      : 'name a file that can be written';
    throw new OperatorError(exists ? 'FILE_EXISTS' : 'FILE_UNWRITABLE', message, fix, { cause });
  });
}

/** @throws {@link OperatorError} */
export async function readUseCase(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const message = `${file} cannot be read: ${cause.code}`;
    throw new OperatorError('FILE_UNREADABLE', message, 'name a file that can be read', { cause });
  });
  return text.replaceAll('\r\n', '\n').trim();
}

/** `refused`: an earlier request is under review or denied. */
export type Filing = 'filed' | 'refused';

/** The API has no idempotency token: a retry after a lost response is refused, and the first one counts. */
export async function fileRequest(
  ses: SESv2Client,
  { website, language, contacts, useCase }: AccessRequest,
  signal: AbortSignal,
): Promise<Filing> {
  const command = new PutAccountDetailsCommand({
    MailType: 'TRANSACTIONAL',
    WebsiteURL: website,
    ContactLanguage: language,
    UseCaseDescription: useCase,
    ...(contacts.length === 0 ? {} : { AdditionalContactEmailAddresses: contacts }),
    ProductionAccessEnabled: true,
  });
  try {
    await ses.send(command, { abortSignal: signal });
    return 'filed';
  } catch (error) {
    if (awsErrorCode(error) !== 'ConflictException') throw error;
    return 'refused';
  }
}
