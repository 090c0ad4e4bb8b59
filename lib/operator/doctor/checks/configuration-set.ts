import { GetConfigurationSetCommand } from '@aws-sdk/client-sesv2';
import { awsErrorCode } from '../../../adapters/aws-error.ts';
import { fail, ok } from '../check.ts';
import { resourceCheck } from '../resource-check.ts';

export const CONFIGURATION_SET_CHECK = resourceCheck({
  group: 'sending',
  name: 'configuration-set',
  resource: 'configurationSet',
  run: async (name, { aws, commands }, signal) => {
    const ses = await aws.ses();
    try {
      const command = new GetConfigurationSetCommand({ ConfigurationSetName: name });
      const { SendingOptions } = await ses.send(command, { abortSignal: signal });
      if (SendingOptions?.SendingEnabled !== false) return ok(`${name} sends`);
      const enable = `sesv2 put-configuration-set-sending-options --configuration-set-name ${name} --sending-enabled`;
      return fail(`sending is paused for ${name}`, commands.aws(enable));
    } catch (error) {
      if (awsErrorCode(error) !== 'NotFoundException') throw error;
      // CloudFormation believes that it is there, and a deployment would see no change.
      const create = commands.aws(`sesv2 create-configuration-set --configuration-set-name ${name}`);
      const mend = `${create}, then add the event destination that ${commands.driftedStack} names`;
      return fail(`SES has no configuration set ${name}: somebody has deleted it`, mend);
    }
  },
});
