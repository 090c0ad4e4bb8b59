import { createHash } from 'node:crypto';

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html */
type VerificationStatus = 'PENDING' | 'SUCCESS' | 'FAILED' | 'TEMPORARY_FAILURE' | 'NOT_STARTED';

/** The domain of the envelope sender of an identity's mail. */
interface MailFromDomain {
  readonly domain: string;
  /** Verification of its MX record. */
  readonly status: Exclude<VerificationStatus, 'NOT_STARTED'>;
  /** @default USE_DEFAULT_VALUE */
  readonly behaviorOnMxFailure?: 'USE_DEFAULT_VALUE' | 'REJECT_MESSAGE';
}

/** Why a verification failed: the reasons that are possible for a domain in one Region. */
type VerificationError =
  | 'INVALID_VALUE'
  | 'TYPE_NOT_FOUND'
  | 'HOST_NOT_FOUND'
  | 'SERVICE_ERROR'
  | 'DNS_SERVER_ERROR';

/** The state of an identity. Its fields may be changed at any time; changes apply to the next call. */
export interface SesIdentity {
  readonly name: string;
  readonly kind: 'domain' | 'address';
  /** It may send only with `SUCCESS`. */
  status: VerificationStatus;
  /** @default the status of a domain, since Easy DKIM verifies it; `NOT_STARTED` for an address */
  dkimStatus: VerificationStatus | undefined;
  /** Names of the three Easy DKIM records. @default derived from the name, deterministically */
  dkimTokens: readonly string[];
  dkimSigningEnabled: boolean;
  /** Target zone of the DKIM records. @default dkim.amazonses.com */
  signingHostedZone: string;
  /** @default undefined: a subdomain of amazonses.com */
  mailFrom: MailFromDomain | undefined;
  verificationError: VerificationError | undefined;
  /** Default configuration set. */
  configurationSet: string | undefined;
}

/** Domains and addresses of the account, verified or not. */
export class SesIdentities {
  readonly #identities = new Map<string, SesIdentity>();

  /** @param state differences from a verified identity without a MAIL FROM domain */
  add(name: string, state: Partial<Omit<SesIdentity, 'name' | 'kind'>> = {}): SesIdentity {
    const isAddress = name.includes('@');
    const identity: SesIdentity = {
      name,
      kind: isAddress ? 'address' : 'domain',
      status: 'SUCCESS',
      dkimStatus: undefined,
      dkimTokens: isAddress ? [] : deriveTokens(name),
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

/** Addresses are case-sensitive, as in SES; domains are not. */
function keyOf(name: string): string {
  return name.includes('@') ? name : name.toLowerCase();
}

function deriveTokens(domain: string): string[] {
  return [1, 2, 3].map((number) =>
    createHash('sha256').update(`${number} ${domain.toLowerCase()}`).digest('hex').slice(0, 32),
  );
}
