import { compareWithVault, kubernetesFields } from '../../../lookups/secret-copies.ts';
import type { CopyComparison } from '../../../lookups/secrets.ts';
import { compareFields, readSourceSecret, readStoredFields } from '../../../lookups/secrets.ts';
import type { DoctorContext } from '../check.ts';
import { type Check, type CheckResult, ok, resourceCheck, skipped, warn } from '../check.ts';

/** Whether the secret names all queues, and the copies that the API reads match Secrets Manager. */
export const SECRET_CHECKS: readonly Check[] = [
  secretCheck('urgent-queue', urgentQueue),
  secretCheck('vault', vault),
  secretCheck('kubernetes', kubernetes),
];

type Compare = (secretArn: string, context: DoctorContext, signal: AbortSignal) => Promise<CheckResult>;

function secretCheck(name: string, run: Compare): Check {
  return resourceCheck({ group: 'secrets', name, resource: 'secret', run });
}

/** One that an earlier version of mailctl wrote names none: then urgent mail waits behind all other. */
async function urgentQueue(
  secretArn: string,
  { aws, commands }: DoctorContext,
  signal: AbortSignal,
): Promise<CheckResult> {
  const fields = await readStoredFields(await aws.secretsManager(), secretArn, signal);
  if (fields === undefined) return skipped('the secret has no value yet');
  if (fields.FALLBACK_URGENT_QUEUE_URL) return ok('urgent mail has a queue of its own');
  return warn(
    'the secret has no FALLBACK_URGENT_QUEUE_URL: in an outage urgent mail waits behind all other',
    `${commands.mailctl('rotate')}: it writes all settings with a new key`,
  );
}

async function vault(secretArn: string, context: DoctorContext, signal: AbortSignal): Promise<CheckResult> {
  const { aws, env, deployment, commands, secrets } = context;
  if (!env.VAULT_ADDR) return skipped('no Vault is configured: VAULT_ADDR is not set');
  const source = await readSourceSecret(await aws.secretsManager(), secretArn, signal);
  const { mount, path } = secrets;
  const flags = { mount, ...(path === undefined ? {} : { path }) };
  const comparison = await compareWithVault({ env, deployment, signal }, flags, source);
  const where = [
    ...(mount === 'secret' ? [] : [`--mount ${mount}`]),
    ...(path === undefined ? [] : [`--path ${path}`]),
  ];
  return judge(comparison, commands.mailctl(['secrets vault', ...where].join(' ')));
}

async function kubernetes(
  secretArn: string,
  context: DoctorContext,
  signal: AbortSignal,
): Promise<CheckResult> {
  const { aws, commands, secrets } = context;
  const { kubernetesFile, input } = secrets;
  if (kubernetesFile === undefined) {
    return skipped('no Secret was given: kubectl get secret … -o json | mailctl doctor --kubernetes-file -');
  }
  const found = await kubernetesFields({ kubernetesFile }, input, signal);
  const source = await readSourceSecret(await aws.secretsManager(), secretArn, signal);
  const apply = `${commands.mailctl('secrets kubernetes --namespace NAMESPACE')} | kubectl apply -f -`;
  return judge(compareFields(source, 'kubernetes', found ?? {}), apply);
}

function judge({ equal, fields }: CopyComparison, fix: string): CheckResult {
  if (equal) return ok('the same as in Secrets Manager');
  const differing = fields.filter(({ standing }) => standing !== 'same');
  const states = differing.map(({ field, standing }) => `${field} is ${standing}`).join(', ');
  return warn(`not the same as in Secrets Manager: ${states}`, fix);
}
