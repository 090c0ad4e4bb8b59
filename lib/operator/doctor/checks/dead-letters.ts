import type { MendCommands } from '../../mend-commands.ts';
import { type Check, ok, warn } from '../check.ts';
import { resourceCheck } from '../resource-check.ts';
import type { ResourceName } from '../stack-resources.ts';
import { countQueue } from './queue-counts.ts';

/** @param arn of the queue of the dead letters */
type Mend = (commands: MendCommands, arn: string) => string;

/** They lie where they came from once more, and are worked anew. */
const moveBack: Mend = (commands, arn) => commands.aws(`sqs start-message-move-task --source-arn ${arn}`);

/** What waits for a person. */
export const DEAD_LETTER_CHECKS: readonly Check[] = [
  deadLetterCheck('dead-letters', 'fallbackDeadLetters', 'mails that nobody got', (commands) =>
    commands.mailctl('dlq ls'),
  ),
  deadLetterCheck(
    'feedback-dead-letters',
    'feedbackDeadLetters',
    'events of SES that were not applied',
    moveBack,
  ),
  deadLetterCheck('receipts-dead-letters', 'receiptsDeadLetters', 'receipts that no row has', moveBack),
];

function deadLetterCheck(name: string, resource: ResourceName, what: string, mend: Mend): Check {
  return resourceCheck({
    group: 'queues',
    name,
    resource,
    run: async (url, { aws, commands }, signal) => {
      const { arn, waiting, hidden } = await countQueue(await aws.sqs(), url, signal);
      // Those that somebody looks at just now are hidden, and there all the same.
      const count = waiting + hidden;
      return count === 0 ? ok('none') : warn(`${what}: ${count}`, mend(commands, arn));
    },
  });
}
