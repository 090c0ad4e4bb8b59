const UNITS = [
  ...['Seconds', 'Microseconds', 'Milliseconds', 'Percent', 'Count', 'None'],
  ...['Bytes', 'Kilobytes', 'Megabytes', 'Gigabytes', 'Terabytes'],
  ...['Bits', 'Kilobits', 'Megabits', 'Gigabits', 'Terabits'],
  ...['Bytes', 'Kilobytes', 'Megabytes', 'Gigabytes', 'Terabytes'].map((unit) => `${unit}/Second`),
  ...['Bits', 'Kilobits', 'Megabits', 'Gigabits', 'Terabits', 'Count'].map((unit) => `${unit}/Second`),
];

const metric = {
  type: 'object',
  required: ['Name'],
  properties: {
    Name: { type: 'string', minLength: 1, maxLength: 1024 },
    Unit: { enum: UNITS },
    StorageResolution: { type: 'integer', enum: [1, 60] },
  },
} as const;

const directive = {
  type: 'object',
  required: ['Namespace', 'Dimensions', 'Metrics'],
  properties: {
    Namespace: { type: 'string', minLength: 1, maxLength: 1024 },
    Dimensions: {
      type: 'array',
      minItems: 1,
      items: { type: 'array', maxItems: 30, items: { type: 'string', minLength: 1, maxLength: 250 } },
    },
    // The limit is in the text of the specification, not in its schema.
    Metrics: { type: 'array', maxItems: 100, items: metric },
  },
} as const;

/**
 * The JSON schema of the embedded metric format, after the one that AWS publishes with
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export const EMF_SCHEMA = {
  type: 'object',
  required: ['_aws'],
  properties: {
    _aws: {
      type: 'object',
      required: ['Timestamp', 'CloudWatchMetrics'],
      properties: {
        Timestamp: { type: 'integer' },
        CloudWatchMetrics: { type: 'array', items: directive },
      },
    },
  },
} as const;
