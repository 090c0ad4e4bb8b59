import {
  type EventSourceMappingConfiguration,
  type LambdaClient,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda';
import { awsErrorCode } from '../../../adapters/aws-error.ts';
import type { MendCommands } from '../../mend-commands.ts';
import { type Check, type CheckResult, fail, ok, warn } from '../check.ts';
import { resourceCheck } from '../resource-check.ts';
import type { ResourceName } from '../stack-resources.ts';

/** Whether Lambda polls the queues for the functions. */
export const EVENT_SOURCE_CHECKS: readonly Check[] = [
  eventSourceCheck('resend-source', 'resendFunction'),
  eventSourceCheck('feedback-source', 'feedbackFunction'),
];

function eventSourceCheck(name: string, resource: ResourceName): Check {
  return resourceCheck({
    group: 'functions',
    name,
    resource,
    run: async (functionName, { aws, commands }, signal) => {
      const mappings = await mappingsOf(await aws.lambda(), functionName, signal);
      if (mappings === undefined) {
        return fail(`there is no function ${functionName}: somebody has deleted it`, commands.driftedStack);
      }
      const [mapping] = mappings;
      if (mapping === undefined) return fail(`no queue feeds ${functionName}`, commands.driftedStack);
      return judge(mapping, functionName, commands);
    },
  });
}

/** Undefined where there is no such function. */
async function mappingsOf(client: LambdaClient, functionName: string, signal: AbortSignal) {
  const mappings: EventSourceMappingConfiguration[] = [];
  const pages = paginateListEventSourceMappings(
    { client },
    { FunctionName: functionName },
    { abortSignal: signal },
  );
  try {
    for await (const { EventSourceMappings = [] } of pages) mappings.push(...EventSourceMappings);
    return mappings;
  } catch (error) {
    if (awsErrorCode(error) === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html */
function judge(
  {
    UUID = '',
    State = 'unknown',
    EventSourceArn = '',
    LastProcessingResult = '',
  }: EventSourceMappingConfiguration,
  functionName: string,
  commands: MendCommands,
): CheckResult {
  const told = `${EventSourceArn.split(':').at(-1)} to ${functionName}: ${State}`;
  switch (State) {
    case 'Enabled':
      return /^PROBLEM/i.test(LastProcessingResult)
        ? fail(
            `${told}; ${LastProcessingResult}`,
            commands.aws(`logs tail /aws/lambda/${functionName} --since 1h`),
          )
        : ok(told);
    case 'Creating':
    case 'Enabling':
    case 'Updating':
      return warn(told, `wait a minute, then ${commands.mailctl('doctor --only functions')}`);
    default:
      return fail(told, commands.aws(`lambda update-event-source-mapping --uuid ${UUID} --enabled`));
  }
}
