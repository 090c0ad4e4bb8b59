import type { Readable } from 'node:stream';
import type { AwsClients } from '../aws-clients.ts';
import type { DeploymentName } from '../deployment.ts';
import type { MendCommands } from '../mend-commands.ts';
import type { Lookups } from './lookups.ts';
import type { SmtpTarget } from './smtp-target.ts';

/** Where the copies of the secret are. */
interface SecretPlaces {
  /** Of Vault. */
  readonly mount: string;
  /** Beneath the mount. @default as `mailctl secrets` writes it */
  readonly path?: string | undefined;
  /** A Secret as kubectl prints it; `-` is standard input. */
  readonly kubernetesFile?: string | undefined;
  readonly input: Readable;
}

/** What every check is given. */
export interface DoctorContext {
  readonly deployment: DeploymentName;
  readonly aws: AwsClients;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What several checks want to know; each is looked up once. */
  readonly lookups: Lookups;
  /** How commands are written that mend something. */
  readonly commands: MendCommands;
  /** Undefined where none was named. */
  readonly smtp: SmtpTarget | undefined;
  readonly secrets: SecretPlaces;
  readonly now: Date;
}
