import * as v from 'valibot';

const NAMESPACE =
  'a namespace of CloudWatch such as keybuzz/mail-worker: up to 255 letters, digits, dots, dashes, _, /, # and :, not ' +
  'beginning with AWS/ or a colon';

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
export const namespaceSchema = v.pipe(
  v.string(),
  v.regex(/^(?!AWS\/)[\w.\-/#][\w.\-/#:]{0,254}$/, NAMESPACE),
);

const STAGES = ['dev', 'prod'] as const;

/** As the stacks are called: the alarms look at no others. */
export const stageSchema = v.picklist(STAGES, `one of ${STAGES.join(', ')}`);
