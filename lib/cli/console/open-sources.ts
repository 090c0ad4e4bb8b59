import { pipelineStackName } from '../../common/names.ts';
import type { ConsoleDeployment, ConsoleSources } from '../../console/sources.ts';
import { systemClock } from '../../ports/runtime.ts';
import { notDeployed } from '../deployment.ts';
import { describeFailure } from '../describe-failure.ts';
import { findSection, readRunbook, withNames } from '../lookups/runbook.ts';
import type { ConsoleAccess } from './access.ts';
import { openDeadLetters } from './dead-letters.ts';
import { openDeliveries } from './deliveries.ts';
import { openOverview } from './overview.ts';
import { openSuppression } from './suppression.ts';

export type ConsoleRequest = Omit<ConsoleAccess, 'clock' | 'describe' | 'notDeployed'>;

export interface OpenConsoleSources {
  readonly sources: ConsoleSources;
  readonly describe: ConsoleAccess['describe'];
  close(): Promise<void>;
}

/** Opens all that the console shows of a deployment. */
export function openConsoleSources(
  request: ConsoleRequest,
  kind: ConsoleDeployment['kind'],
): OpenConsoleSources {
  const { aws, deployment, commands, region } = request;
  const describe: ConsoleAccess['describe'] = (error) => {
    const { message, fix } = describeFailure(error, commands);
    return { why: message, fix };
  };
  const access: ConsoleAccess = {
    ...request,
    clock: systemClock,
    describe,
    notDeployed: async () =>
      notDeployed(await aws.cloudFormation(), deployment, pipelineStackName(deployment)),
  };
  const overview = openOverview(access);
  const sections = readRunbook();
  const deliveries = openDeliveries(access);
  return {
    sources: {
      deployment: { name: `${deployment.project} ${deployment.stage}`, region, kind },
      overview: { kind: 'open', reader: overview.reader },
      runbook: {
        names: sections.map(({ name }) => name),
        section: (name) => {
          const found = findSection(sections, name);
          return found === undefined ? undefined : withNames(found.text, access);
        },
      },
      deliveries: deliveries.source,
      deadLetters: { kind: 'open', reader: openDeadLetters(access) },
      suppression: { kind: 'open', reader: openSuppression(access) },
    },
    describe,
    close: async () => {
      await Promise.all([overview.close(), deliveries.close()]);
    },
  };
}
