import { DynamoSendingState } from '../../../../adapters/dynamodb/dynamo-sending-state.ts';
import { isClosed } from '../../../../domain/ses-outage.ts';
import { timeAndAge } from '../../../terminal.ts';
import { fail, ok, resourceCheck } from '../check.ts';

/** Less than a check has. */
const CALL_TIMEOUT_MS = 8_000;

/** Whether the functions remember that SES takes no mail. */
export const OUTAGE_CHECK = resourceCheck({
  group: 'sending',
  name: 'outage',
  resource: 'ledgerTable',
  run: async (tableName, { aws, commands, now }) => {
    const store = new DynamoSendingState(await aws.dynamoDb(), { tableName, timeoutMs: CALL_TIMEOUT_MS });
    const { outage } = (await store.read()).state;
    if (!isClosed(outage)) return ok('no outage is known');
    const since = timeAndAge(new Date(outage.sinceMs), now);
    return fail(
      `SES takes no mail since ${since}: ${outage.cause}; one call in a while finds out whether it does again`,
      `see the cause: ${commands.mailctl('runbook mail-waiting')}; when the next call is: ${commands.mailctl('rate')}`,
    );
  },
});
