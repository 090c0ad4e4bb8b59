/**
 * List prices in US dollars of eu-west-1, without the free tiers. As of November 2025; when they have changed, the
 * dashboard of the machine room and `watchCost` follow this file.
 *
 * @see https://aws.amazon.com/ses/pricing/
 * @see https://aws.amazon.com/lambda/pricing/
 * @see https://aws.amazon.com/sqs/pricing/
 * @see https://aws.amazon.com/dynamodb/pricing/on-demand/
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
export const PRICES = {
  ses: { mail: 0.1 / 1_000, gigabyte: 0.12 },
  /** On arm64. */
  lambda: { request: 0.2 / 1_000_000, gibibyteSecond: 0.0000133334 },
  /** A standard queue. */
  sqs: { request: 0.4 / 1_000_000 },
  dynamoDb: { writeUnit: 0.705 / 1_000_000, readUnit: 0.141 / 1_000_000 },
  /** By the month; of what is free, each account has once. */
  cloudWatch: {
    alarmMetric: 0.1,
    dashboard: 3,
    customMetric: 0.3,
    free: { alarmMetrics: 10, dashboards: 3, customMetrics: 10 },
  },
} as const;
