import { SesIdentities } from './identities.ts';
import { type AccountSuppressionReason, SUPPRESSION_REASONS, SuppressedDestinations } from './suppression.ts';

/** A configuration set, as far as sending goes. */
export interface ConfigurationSet {
  sendingEnabled: boolean;
  /** Whether events of its mails are published. @default true */
  publishesEvents?: boolean;
  /** With `REQUIRE`, SES does not send to servers without TLS. @default OPTIONAL */
  tlsPolicy?: 'REQUIRE' | 'OPTIONAL';
  /** Whether CloudWatch has bounce and complaint rates of its mails. @default false */
  reputationMetrics?: boolean;
}

/** HEALTHY and PROBATION may send; SHUTDOWN is a stop by AWS that the account owner cannot lift. */
export type EnforcementStatus = 'HEALTHY' | 'PROBATION' | 'SHUTDOWN';

const SANDBOX_LIMITS = { maxSendRate: 1, max24HourSend: 200 };
/** Usual limits; AWS sets them per account. */
const PRODUCTION_LIMITS = { maxSendRate: 14, max24HourSend: 50_000 };

/** Initial state of an account; see {@link SesAccount} for the fields. */
export interface SesAccountOptions {
  /** Verified domains and single addresses. @default none: nothing may send */
  readonly identities?: readonly string[];
  /** @default none */
  readonly configurationSets?: readonly string[];
  /** @default false */
  readonly sandbox?: boolean;
  /** @default 1 in the sandbox, else 14 */
  readonly maxSendRate?: number;
  /** @default 200 in the sandbox, else 50,000 */
  readonly max24HourSend?: number;
}

/**
 * The state of the SES account. Its fields may be changed at any time, as the owner of a real account does in
 * the console; changes apply to the next call.
 */
export class SesAccount {
  /** If true, SES only sends to verified recipients and the mailbox simulator. */
  sandbox: boolean;
  /** Recipients per second. */
  maxSendRate: number;
  /** Recipients in 24 hours; -1 is no limit. */
  max24HourSend: number;
  /** The account owner's switch. */
  sendingEnabled = true;
  enforcementStatus: EnforcementStatus = 'HEALTHY';
  /** Domains and addresses; `add` creates a verified one by default. */
  readonly identities = new SesIdentities();
  readonly configurationSets: Map<string, ConfigurationSet>;
  readonly suppressionList = new SuppressedDestinations();
  /** Reasons that add addresses to the list and block sending: both, as in each account since 2019. */
  readonly suppressedReasons = new Set<AccountSuppressionReason>(SUPPRESSION_REASONS);
  /** Set by PutAccountDetails; undefined until then. */
  details: AccountDetails | undefined;
  /** The latest request for production access; undefined if there was none. */
  review: AccountReview | undefined;

  constructor(options: SesAccountOptions = {}) {
    this.sandbox = options.sandbox ?? false;
    const usual = this.sandbox ? SANDBOX_LIMITS : PRODUCTION_LIMITS;
    this.maxSendRate = options.maxSendRate ?? usual.maxSendRate;
    this.max24HourSend = options.max24HourSend ?? usual.max24HourSend;
    for (const name of options.identities ?? []) this.identities.add(name);
    this.configurationSets = new Map(
      options.configurationSets?.map((name) => [name, { sendingEnabled: true }]),
    );
  }

  /** Whether the address itself, its domain or a parent of its domain is a verified identity. */
  isVerified(address: string): boolean {
    return this.identityOf(address) !== undefined;
  }

  /** The verified identity that lets the address send: itself, its domain or a parent of its domain. */
  identityOf(address: string): string | undefined {
    if (this.identities.get(address)?.status === 'SUCCESS') return address;
    const domain = domainOf(address);
    return this.identities
      .verified()
      .find(({ name, kind }) => kind === 'domain' && isWithin(domain, name.toLowerCase()))?.name;
  }

  /**
   * Ends the review of a request for production access as AWS does: if granted, the account leaves the
   * sandbox.
   */
  decideReview(status: 'GRANTED' | 'DENIED' | 'FAILED'): void {
    this.review = { ...this.review, status };
    if (status !== 'GRANTED') return;
    this.sandbox = false;
    this.maxSendRate = PRODUCTION_LIMITS.maxSendRate;
    this.max24HourSend = PRODUCTION_LIMITS.max24HourSend;
  }

  /** Whether events about the mails of a configuration set are published; never without one. */
  publishesEvents(configurationSet: string | undefined): boolean {
    if (configurationSet === undefined) return false;
    return this.configurationSets.get(configurationSet)?.publishesEvents ?? true;
  }

  /** Whether an address may be sent to while the account is, or is not, in the sandbox. */
  maySendTo(address: string): boolean {
    return !this.sandbox || isMailboxSimulator(address) || this.isVerified(address);
  }
}

/** Whether the address belongs to the mailbox simulator, which accepts mail from every account. */
export function isMailboxSimulator(address: string): boolean {
  return domainOf(address) === 'simulator.amazonses.com';
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

function isWithin(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}

export interface AccountDetails {
  readonly mailType: 'MARKETING' | 'TRANSACTIONAL';
  readonly websiteUrl: string;
  readonly contactLanguage?: 'EN' | 'JA';
  readonly useCaseDescription?: string;
  readonly additionalContactEmailAddresses?: readonly string[];
}

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ReviewDetails.html */
export interface AccountReview {
  /** `FAILED` is a request that AWS lost: only this one may be repeated. */
  readonly status: 'PENDING' | 'GRANTED' | 'DENIED' | 'FAILED';
  /** AWS Support case. */
  readonly caseId?: string;
}
