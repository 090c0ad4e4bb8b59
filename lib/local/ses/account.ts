import {
  type AccountSuppressionReason,
  SUPPRESSION_REASONS,
  SuppressedDestinations,
} from './suppressed-destinations.ts';

/** A configuration set, as far as sending goes. */
export interface ConfigurationSet {
  sendingEnabled: boolean;
  /** Whether what becomes of its mails is published. @default true */
  publishesEvents?: boolean;
}

/** HEALTHY and PROBATION may send; SHUTDOWN is AWS's own stop, which the owner of the account cannot lift. */
export type EnforcementStatus = 'HEALTHY' | 'PROBATION' | 'SHUTDOWN';

/** How an account starts; see {@link SesAccount} for the fields. */
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
 * The state of the SES account. Its fields may be changed at any time, as the owner of a real account would by
 * the console, and hold for the next call.
 */
export class SesAccount {
  /** Only verified recipients, and the mailbox simulator, may be sent to. */
  sandbox: boolean;
  /** Recipients a second. */
  maxSendRate: number;
  /** Recipients in 24 hours; -1 is no limit. */
  max24HourSend: number;
  /** The owner's own switch. */
  sendingEnabled = true;
  enforcementStatus: EnforcementStatus = 'HEALTHY';
  readonly identities: Set<string>;
  readonly configurationSets: Map<string, ConfigurationSet>;
  readonly suppressionList = new SuppressedDestinations();
  /** What puts addresses on the list, and which of them are not sent to: both, as in each account since 2019. */
  readonly suppressedReasons = new Set<AccountSuppressionReason>(SUPPRESSION_REASONS);

  constructor(options: SesAccountOptions = {}) {
    this.sandbox = options.sandbox ?? false;
    this.maxSendRate = options.maxSendRate ?? (this.sandbox ? 1 : 14);
    this.max24HourSend = options.max24HourSend ?? (this.sandbox ? 200 : 50_000);
    this.identities = new Set(options.identities);
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
    // addresses are compared with their case, as SES does; domains without
    if (this.identities.has(address)) return address;
    const domain = domainOf(address);
    return [...this.identities].find(
      (identity) => !identity.includes('@') && isWithin(domain, identity.toLowerCase()),
    );
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

/** Whether the address belongs to the mailbox simulator, which takes mail from every account. */
export function isMailboxSimulator(address: string): boolean {
  return domainOf(address) === 'simulator.amazonses.com';
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

function isWithin(domain: string, parent: string): boolean {
  return domain === parent || domain.endsWith(`.${parent}`);
}
