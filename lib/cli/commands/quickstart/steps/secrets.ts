import { pipelineOutputs } from '../../../deployment.ts';
import { EXIT } from '../../../errors.ts';
import { compareWithVault } from '../../../lookups/secret-copies.ts';
import { readSourceSecret, readStoredFields } from '../../../lookups/secrets.ts';
import { done, open, type QuickstartContext, type QuickstartStep, stopped } from '../step.ts';

export const SECRETS: QuickstartStep = {
  name: 'secrets',
  explain: () =>
    "The API's worker reads its key from Vault, or from a Secret of Kubernetes; a first one is made and written to Secrets Manager.",
  isDone: async (context) => {
    const { commands } = context;
    if (!(await hasKey(context))) return open('the API has no key yet', commands.mailctl('rotate --wait 0'));
    if (!context.env.VAULT_ADDR) return open('VAULT_ADDR is not set', ...withoutVault(context));
    const { equal, fields } = await compare(context);
    if (equal) return done('Vault has what Secrets Manager has');
    const differing = fields.filter(({ standing }) => standing !== 'same').length;
    return open(`${differing} fields of Vault are not the same`, commands.mailctl('secrets vault'));
  },
  run: async (context, before) => {
    if (!(await hasKey(context))) {
      if (!(await context.terminal.confirm("Make the API's first access key?"))) return stopped(before);
      await context.others.makeFirstKey({ ...context, terminal: context.aside });
      if (!context.env.VAULT_ADDR) {
        return stopped({ ...before, detail: 'the key is in Secrets Manager', todo: withoutVault(context) });
      }
    }
    if (!context.env.VAULT_ADDR) return stopped(before);
    const flags = { ...vaultFlags(context), yes: context.options.yes };
    const code = await context.others.secretsVault({ ...context, terminal: context.aside }, flags);
    return code === EXIT.ok ? done('written to Vault') : stopped(before);
  },
};

async function hasKey({ aws, deployment, signal }: QuickstartContext): Promise<boolean> {
  const { SecretArn } = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const fields = await readStoredFields(await aws.secretsManager(), SecretArn, signal);
  return fields?.AWS_SES_ACCESS_KEY !== undefined;
}

async function compare(context: QuickstartContext) {
  const { aws, deployment, signal } = context;
  const { SecretArn } = await pipelineOutputs(await aws.cloudFormation(), deployment, signal);
  const source = await readSourceSecret(await aws.secretsManager(), SecretArn, signal);
  return compareWithVault(context, vaultFlags(context), source);
}

function vaultFlags({ options: { mount, path } }: QuickstartContext) {
  return { mount, ...(path === undefined ? {} : { path }) };
}

function withoutVault({ commands }: QuickstartContext): readonly string[] {
  const again = commands.mailctl('quickstart');
  const apply = `${commands.mailctl('secrets kubernetes --namespace NAMESPACE')} | kubectl apply -f -`;
  return [
    `with Vault: set VAULT_ADDR and VAULT_TOKEN, then ${again}`,
    `with Kubernetes alone: ${apply}, then ${again} --skip secrets`,
  ];
}
