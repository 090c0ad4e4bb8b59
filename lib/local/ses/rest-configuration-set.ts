import { restError, restSuccess } from './rest-answer.ts';
import { nameInPath, plainCall, type Route } from './rest-route.ts';

export const CONFIGURATION_SET_ROUTES: readonly Route[] = [
  { method: 'GET', path: /^\/v2\/email\/configuration-sets\/[^/]+$/, prepare: getConfigurationSet },
];

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetConfigurationSet.html */
function getConfigurationSet(...[request, { account }]: Parameters<Route['prepare']>) {
  return plainCall('GetConfigurationSet', () => {
    const name = nameInPath(request);
    const set = account.configurationSets.get(name);
    if (set === undefined) {
      const message = `Configuration set <${name}> does not exist.`;
      return restError({ code: 'NotFoundException', message, status: 404 });
    }
    return restSuccess({
      ConfigurationSetName: name,
      DeliveryOptions: { TlsPolicy: set.tlsPolicy ?? 'OPTIONAL' },
      ReputationOptions: { ReputationMetricsEnabled: set.reputationMetrics ?? false },
      SendingOptions: { SendingEnabled: set.sendingEnabled },
      Tags: [],
    });
  });
}
