import { matching, oneOf } from '../common/schemas.ts';

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
export const namespaceSchema = matching(
  /^(?!AWS\/)[\w.\-/#][\w.\-/#:]{0,254}$/,
  'a namespace of CloudWatch such as keybuzz/mail-worker: up to 255 letters, digits, dots, dashes, _, /, # and :, not ' +
    'beginning with AWS/ or a colon',
);

/** The stages of the stacks and their alarms. */
export const stageSchema = oneOf(['dev', 'prod']);
