import {
  DeleteSuppressedDestinationCommand,
  GetSuppressedDestinationCommand,
  ListSuppressedDestinationsCommand,
  PutSuppressedDestinationCommand,
  type SESv2Client,
  type SuppressedDestinationSummary,
} from '@aws-sdk/client-sesv2';
import { addressKey } from '../../domain/address.ts';
import { awsErrorCode } from '../aws-client.ts';

/** An address that SES itself suppresses. */
export interface AccountSuppression {
  /** By `addressKey`. */
  readonly address: string;
  readonly reason: 'hard-bounce' | 'complaint';
  readonly since: Date;
}

/**
 * The account-level suppression list of SES in a Region, shared by all pipelines that send from it:
 * https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
 */
export class SesAccountSuppressions {
  readonly #ses: SESv2Client;

  constructor(ses: SESv2Client) {
    this.#ses = ses;
  }

  /** All entries, unordered, page by page. */
  async *list(signal: AbortSignal): AsyncGenerator<AccountSuppression> {
    let next: string | undefined;
    do {
      const command = new ListSuppressedDestinationsCommand({ NextToken: next });
      const page = await this.#ses.send(command, { abortSignal: signal });
      yield* (page.SuppressedDestinationSummaries ?? []).map(accountSuppressionOf);
      next = page.NextToken;
    } while (next !== undefined);
  }

  async find(address: string, signal: AbortSignal): Promise<AccountSuppression | undefined> {
    const command = new GetSuppressedDestinationCommand({ EmailAddress: addressKey(address) });
    const response = await unlessAbsent(this.#ses.send(command, { abortSignal: signal }));
    const found = response?.SuppressedDestination;
    return found === undefined ? undefined : accountSuppressionOf(found);
  }

  /** With the reason BOUNCE: SES supports only bounce and complaint. */
  async add(address: string, signal: AbortSignal): Promise<void> {
    const command = new PutSuppressedDestinationCommand({
      EmailAddress: addressKey(address),
      Reason: 'BOUNCE',
    });
    await this.#ses.send(command, { abortSignal: signal });
  }

  /** A missing entry counts as removed. */
  async remove(address: string, signal: AbortSignal): Promise<void> {
    const command = new DeleteSuppressedDestinationCommand({ EmailAddress: addressKey(address) });
    await unlessAbsent(this.#ses.send(command, { abortSignal: signal }));
  }
}

function accountSuppressionOf(
  destination: Pick<SuppressedDestinationSummary, 'EmailAddress' | 'Reason' | 'LastUpdateTime'>,
): AccountSuppression {
  const { EmailAddress = '', Reason, LastUpdateTime } = destination;
  return {
    address: addressKey(EmailAddress),
    reason: Reason === 'COMPLAINT' ? 'complaint' : 'hard-bounce',
    since: LastUpdateTime ?? new Date(0),
  };
}

async function unlessAbsent<Response>(call: Promise<Response>): Promise<Response | undefined> {
  try {
    return await call;
  } catch (error) {
    if (awsErrorCode(error) === 'NotFoundException') return undefined;
    throw error;
  }
}
