import type { DeadLetterDesk } from './sources/dead-letters.ts';
import type { DeliveryReader } from './sources/deliveries.ts';
import type { LocalDesk } from './sources/local.ts';
import type { OverviewReader } from './sources/overview.ts';
import type { Source } from './sources/reading.ts';
import type { SuppressionDesk } from './sources/suppression.ts';

/** All that the console shows. It knows neither AWS nor SQL: who starts it opens these. */
export interface ConsoleSources {
  readonly deployment: ConsoleDeployment;
  readonly overview: Source<OverviewReader>;
  readonly deliveries: Source<DeliveryReader>;
  readonly deadLetters: Source<DeadLetterDesk>;
  readonly suppression: Source<SuppressionDesk>;
  /** The runbook, with the names of this deployment. */
  readonly runbook: Runbook;
  /** What only a pipeline on this machine has. */
  readonly local?: LocalDesk;
}

interface Runbook {
  readonly names: readonly string[];
  /** A heading as Markdown; undefined if there is none. */
  section(name: string): string | undefined;
}

export interface ConsoleDeployment {
  /** As in the names of its resources: `keybuzz prod`. */
  readonly name: string;
  readonly region: string;
  readonly kind: 'deployed' | 'local';
}
