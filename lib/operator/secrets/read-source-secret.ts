import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { awsErrorCode } from '../../adapters/aws-error.ts';
import { OperatorError } from '../operator-error.ts';
import { SES_FIELDS, type SecretFields } from './secret-fields.ts';

const fieldsSchema = v.record(v.string(), v.string());

/** Codes of Secrets Manager for a secret that cannot be read because it is gone, or about to be. */
const GONE = ['ResourceNotFoundException', 'InvalidRequestException'];

/**
 * The secret of the API's worker, as the stack wrote it.
 *
 * @throws {@link OperatorError} where it is not there, or is not what the stack writes; what the SDK throws
 */
export async function readSourceSecret(
  secretsManager: SecretsManagerClient,
  secretArn: string,
  signal: AbortSignal,
): Promise<SecretFields> {
  const call = secretsManager.send(new GetSecretValueCommand({ SecretId: secretArn }), {
    abortSignal: signal,
  });
  const { SecretString: text = '' } = await call.catch((cause: unknown) => {
    signal.throwIfAborted();
    if (!GONE.includes(awsErrorCode(cause))) throw cause;
    throw new OperatorError(
      'SECRET_MISSING',
      `there is no secret ${secretArn} in Secrets Manager, or it is marked for deletion`,
      'aws secretsmanager restore-secret, or raise accessKeySerial and deploy: that makes a new key and writes it',
      { cause },
    );
  });
  return parse(text, secretArn);
}

function parse(text: string, secretArn: string): SecretFields {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), fieldsSchema), text);
  // The problem is told without the input: that is the secret.
  if (!parsed.success) throw damaged(secretArn, 'is no JSON object of texts');
  const missing = SES_FIELDS.filter((field) => !parsed.output[field]);
  if (missing.length > 0) throw damaged(secretArn, `has no ${missing.join(', ')}`);
  return parsed.output;
}

function damaged(secretArn: string, what: string): OperatorError {
  return new OperatorError(
    'SECRET_DAMAGED',
    `the secret ${secretArn} ${what}: it was edited by hand, or its stack is older than this mailctl`,
    'deploy the stack; where that changes nothing, raise accessKeySerial and deploy again',
  );
}
