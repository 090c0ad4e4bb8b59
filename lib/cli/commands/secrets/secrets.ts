import { type Command, Option } from 'commander';
import type { RunCommand } from '../../context.ts';
import { type DiffFlags, runDiffCommand } from './diff.ts';
import { type KubernetesFlags, runKubernetesCommand } from './kubernetes.ts';
import { runVaultCommand, type VaultCommandFlags } from './vault.ts';

/** `mailctl secrets`: copies the API's access key from Secrets Manager to where the API reads it. */
export function registerSecrets(program: Command, run: RunCommand): void {
  const secrets = program
    .command('secrets')
    .description("copy the API's access key from Secrets Manager to where the API reads it")
    .addHelpText(
      'after',
      `
Values are never shown, except by "secrets kubernetes", whose purpose is to print them.

Examples:
  mailctl secrets vault
  mailctl secrets kubernetes --namespace shop-api-dev | kubectl apply -f -
  mailctl secrets diff`,
    );
  registerVault(secrets, run);
  registerKubernetes(secrets, run);
  registerDiff(secrets, run);
}

const mountOption = () => new Option('--mount <path>', 'the KV v2 store of Vault').default('secret');

const pathOption = () =>
  new Option('--path <path>', 'of the secret below the mount (default: "<project>/ses")');

function registerVault(secrets: Command, run: RunCommand): void {
  secrets
    .command('vault')
    .description('write it to Vault, if it differs')
    .addOption(mountOption())
    .addOption(pathOption())
    .option('--smtp-path <path>', 'of the SMTP settings below the mount (default: "<project>/smtp")')
    .option('--smtp-host <host>', 'of mail-core (or SMTP_HOST)')
    .option('--smtp-port <port>', '(or SMTP_PORT)')
    .option('--smtp-user <user>', '(or SMTP_USER)')
    .option('--smtp-password-file <file>', 'file with the password (or SMTP_PASSWORD)')
    .addHelpText(
      'after',
      `
Compares, shows which fields would change, asks for confirmation, and writes with check-and-set on the version it
compared with: concurrent changes are never overwritten. Other fields are kept.
Without a terminal and without --yes it only compares, and exits with 1 if something differs.

Reads VAULT_ADDR, VAULT_TOKEN (or ~/.vault-token), VAULT_NAMESPACE, VAULT_CACERT, VAULT_TLS_SERVER_NAME,
VAULT_SKIP_VERIFY and VAULT_CLIENT_TIMEOUT as Vault's own tools do. The token needs
  path "secret/data/<project>/ses"  { capabilities = ["create", "read", "update"] }
  path "secret/data/<project>/smtp" { capabilities = ["create", "read", "update"] }

Examples:
  VAULT_ADDR=https://vault.example.org:8200 mailctl secrets vault
  mailctl secrets vault --smtp-host mail.example.org --smtp-port 587 --smtp-user api --smtp-password-file ./password
  mailctl --stage prod --yes secrets vault --path shop/prod/ses`,
    )
    .action((_, command: Command) =>
      run((context) => runVaultCommand(context, command.optsWithGlobals<VaultCommandFlags>())),
    );
}

function registerKubernetes(secrets: Command, run: RunCommand): void {
  secrets
    .command('kubernetes')
    .description('print a Secret, or an ExternalSecret, for kubectl apply -f -')
    .requiredOption('-n, --namespace <namespace>', 'target namespace, such as shop-api-dev')
    .option('--name <name>', 'of the Secret (default: "<project>-ses")')
    .addOption(
      new Option('--format <format>', 'with the values, or with a reference to them')
        .choices(['secret', 'external-secret'])
        .default('secret'),
    )
    .option('--show', 'print values even on a terminal', false)
    .option('--store <name>', 'external-secret: the store that it reads from')
    .addOption(
      new Option('--store-kind <kind>', 'external-secret: of that store')
        .choices(['SecretStore', 'ClusterSecretStore'])
        .default('SecretStore'),
    )
    .addOption(
      new Option('--from <place>', 'external-secret: the backend of the store')
        .choices(['aws', 'vault'])
        .default('aws'),
    )
    .option('--key <key>', 'external-secret: the name of the secret in the store')
    .addHelpText(
      'after',
      `
A Secret contains the access key. It is printed to a pipe or a file; to a terminal only with --show.
An ExternalSecret (external-secrets.io/v1) contains no values: the operator in the cluster reads them itself.

Examples:
  mailctl secrets kubernetes --namespace shop-api-dev | kubectl apply -f -
  mailctl secrets kubernetes -n shop-api-dev --format external-secret --store aws-secrets | kubectl apply -f -
  mailctl secrets kubernetes -n shop-api-dev --format external-secret --store vault --from vault`,
    )
    .action((flags: KubernetesFlags) => run((context) => runKubernetesCommand(context, flags)));
}

function registerDiff(secrets: Command, run: RunCommand): void {
  secrets
    .command('diff')
    .description('compare Secrets Manager with Vault and with a Kubernetes Secret')
    .addOption(mountOption())
    .addOption(pathOption())
    .option('--kubernetes-file <file>', 'a Secret printed by kubectl, JSON or YAML; - is standard input')
    .addHelpText(
      'after',
      `
Exit codes: 0 all the same; 1 something differs; 2 something could not be read.
Vault is skipped if VAULT_ADDR is not set.

Examples:
  mailctl secrets diff
  kubectl get secret shop-ses -n shop-api-dev -o json | mailctl secrets diff --kubernetes-file -`,
    )
    .action((flags: DiffFlags) => run((context) => runDiffCommand(context, flags)));
}
