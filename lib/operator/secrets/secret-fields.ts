/** What the API's environment is given, by name. */
export type SecretFields = Readonly<Record<string, string>>;

/** What the stack writes into Secrets Manager for the API's worker. */
export const SES_FIELDS = [
  'AWS_SES_ACCESS_KEY',
  'AWS_SES_SECRET_KEY',
  'AWS_SES_REGION',
  'FALLBACK_QUEUE_URL',
  'PAYLOAD_BUCKET',
  'RECEIPTS_QUEUE_URL',
] as const;
