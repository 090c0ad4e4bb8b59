import { describe, expect, it } from '@jest/globals';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Service } from 'kubernetes-models/v1/Service';
import { parseAllDocuments } from 'yaml';
import { SettingsError } from '../../lib/common/config.ts';
import { relayManifest } from '../../lib/relay/kubernetes-manifest.ts';
import { RELAY_SETTINGS } from '../../lib/relay/settings.ts';

const OPTIONS = { namespace: 'mail', image: 'registry.example/mail:1.0', upstreamHost: 'mail-core' };

function resourcesOf(options: typeof OPTIONS = OPTIONS) {
  return parseAllDocuments(relayManifest(options)).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS();
  });
}

describe("the relay's manifest", () => {
  it('is valid by the schemas of Kubernetes', () => {
    const [deployment, service, policy, budget, ...others] = resourcesOf();
    expect(others).toEqual([]);
    for (const resource of [
      new Deployment(deployment),
      new Service(service),
      new NetworkPolicy(policy),
      new PodDisruptionBudget(budget),
    ])
      expect(() => resource.validate()).not.toThrow();
  });

  it('selects its own pods everywhere, and sends clients to their port', () => {
    const [deployment, service, policy, budget] = resourcesOf();
    const { labels } = deployment.spec.template.metadata;
    for (const selector of [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      policy.spec.podSelector.matchLabels,
      budget.spec.selector.matchLabels,
    ])
      expect(labels).toMatchObject(selector);
    const [{ ports }] = deployment.spec.template.spec.containers;
    const names = ports.map(({ name }: { name: string }) => name);
    expect(names).toContain(service.spec.ports[0].targetPort);
    expect(policy.spec.ingress[0].from).toHaveLength(1);
  });

  it('sets variables that the relay has', () => {
    const [deployment] = resourcesOf();
    const variables = RELAY_SETTINGS.map(({ variable }) => variable);
    for (const { name } of deployment.spec.template.spec.containers[0].env) expect(variables).toContain(name);
  });

  it('is refused with every wrong option', () => {
    const wrong = () => relayManifest({ namespace: 'A', image: 'untagged', upstreamHost: 'smtp://x' });
    expect(wrong).toThrow(SettingsError);
    expect(wrong).toThrow(/namespace[\s\S]*image[\s\S]*upstreamHost/);
  });
});
