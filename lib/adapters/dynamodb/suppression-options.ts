import type { SoftBouncePolicy } from '../../message/suppression.ts';
import type { TableOptions } from './dynamo-table.ts';

export interface SuppressionOptions extends TableOptions {
  readonly policy: SoftBouncePolicy;
}
