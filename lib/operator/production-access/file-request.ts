import { PutAccountDetailsCommand, type SESv2Client } from '@aws-sdk/client-sesv2';
import { awsErrorCode } from '../../adapters/aws-error.ts';
import type { AccessRequest } from './access-request.ts';

/** Refused: there is a request already, under review or denied. */
export type Filing = 'filed' | 'refused';

/** The API has no idempotency token; a second try after a lost answer is refused, and the first stands. */
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
