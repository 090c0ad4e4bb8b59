import type { LocalServices } from '../../../lib/emulators/services.ts';
import type { AwsAccountDouble } from './start-aws-account.ts';

/** The environment that points the operator's command line at the account double and at the emulators. */
export function operatorEnvironment(
  double: AwsAccountDouble,
  { aws, dynamoDb, ses }: LocalServices,
): Record<string, string> {
  return {
    ...double.environment,
    AWS_ENDPOINT_URL_SQS: aws.endpoint,
    AWS_ENDPOINT_URL_S3: aws.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint,
    AWS_ENDPOINT_URL_SES: ses.url,
    AWS_ENDPOINT_URL_SESV2: ses.url,
  };
}
