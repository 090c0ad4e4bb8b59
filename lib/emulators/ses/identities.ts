import { createHash } from 'node:crypto';

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html */
type VerificationStatus = 'PENDING' | 'SUCCESS' | 'FAILED' | 'TEMPORARY_FAILURE' | 'NOT_STARTED';

/** The domain that stands in the envelope sender of an identity's mail. */
interface MailFromDomain {
  readonly domain: string;
  /** Of its MX record. */
  readonly status: Exclude<VerificationStatus, 'NOT_STARTED'>;
  /** @default USE_DEFAULT_VALUE */
  readonly behaviorOnMxFailure?: 'USE_DEFAULT_VALUE' | 'REJECT_MESSAGE';
}

/** Why a verification failed, of those reasons that a domain in one Region can meet. */
type VerificationError =
  | 'INVALID_VALUE'
  | 'TYPE_NOT_FOUND'
  | 'HOST_NOT_FOUND'
  | 'SERVICE_ERROR'
  | 'DNS_SERVER_ERROR';

/** The state of an identity. Its fields may be changed at any time, and hold for the next call. */
export interface SesIdentity {
  readonly name: string;
  readonly kind: 'domain' | 'address';
  /** Mail is sent from it with `SUCCESS` alone. */
  status: VerificationStatus;
  /** @default the status of a domain, since Easy DKIM is what verifies it; `NOT_STARTED` for an address */
  dkimStatus: VerificationStatus | undefined;
  /** The three names of Easy DKIM's records. @default made from the name, the same each time */
  dkimTokens: readonly string[];
  dkimSigningEnabled: boolean;
  /** Where the DKIM records point to. @default dkim.amazonses.com */
  signingHostedZone: string;
  /** @default undefined: a subdomain of amazonses.com */
  mailFrom: MailFromDomain | undefined;
  verificationError: VerificationError | undefined;
  /** The configuration set of mail that names none. */
  configurationSet: string | undefined;
}

/** Domains and addresses of the account, verified or not. */
export class SesIdentities {
  readonly #identities = new Map<string, SesIdentity>();

  /** @param state what differs from a verified identity without a MAIL FROM domain */
  add(name: string, state: Partial<Omit<SesIdentity, 'name' | 'kind'>> = {}): SesIdentity {
    const isAddress = name.includes('@');
    const identity: SesIdentity = {
      name,
      kind: isAddress ? 'address' : 'domain',
      status: 'SUCCESS',
      dkimStatus: undefined,
      dkimTokens: isAddress ? [] : tokensOf(name),
      dkimSigningEnabled: !isAddress,
      signingHostedZone: 'dkim.amazonses.com',
      mailFrom: undefined,
      verificationError: undefined,
      configurationSet: undefined,
      ...state,
    };
    this.#identities.set(keyOf(name), identity);
    return identity;
  }

  get(name: string): SesIdentity | undefined {
    return this.#identities.get(keyOf(name));
  }

  delete(name: string): boolean {
    return this.#identities.delete(keyOf(name));
  }

  clear(): void {
    this.#identities.clear();
  }

  /** Those that may send. */
  verified(): SesIdentity[] {
    return [...this.#identities.values()].filter(({ status }) => status === 'SUCCESS');
  }
}

/** Addresses are compared with their case, as SES does; domains without. */
function keyOf(name: string): string {
  return name.includes('@') ? name : name.toLowerCase();
}

function tokensOf(domain: string): string[] {
  return [1, 2, 3].map((number) =>
    createHash('sha256').update(`${number} ${domain.toLowerCase()}`).digest('hex').slice(0, 32),
  );
}
