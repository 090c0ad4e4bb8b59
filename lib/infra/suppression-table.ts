import type { Duration } from 'aws-cdk-lib';
import { AttributeType } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { SUPPRESSION_KEY } from '../adapters/dynamodb/constants.ts';
import { ExpiringTable, type ExpiringTableProps } from './expiring-table.ts';

export interface SuppressionTableProps extends ExpiringTableProps {
  readonly softBounces: SoftBounceRule;
}

/** How many soft bounces within how long suppress a recipient. */
export interface SoftBounceRule {
  readonly limit: number;

  /** Whole days. */
  readonly window: Duration;
}

/** Whom the pipeline does not send to: one item for each address that anything is known against. */
export class SuppressionTable extends ExpiringTable {
  /** The rule goes with the list, so that those who write it and those who read it have the same. */
  readonly softBounces: SoftBounceRule;

  constructor(scope: Construct, id: string, { softBounces, ...props }: SuppressionTableProps) {
    super(scope, id, {
      ...props,
      partitionKey: { name: SUPPRESSION_KEY.partition, type: AttributeType.STRING },
    });
    this.softBounces = softBounces;
  }

  /** Allows asking for addresses that one knows, and not who else is on the list. */
  grantFind(grantee: IGrantable): Grant {
    return this.grantItems(grantee, 'dynamodb:BatchGetItem');
  }

  /** Allows adding what an event says against an address. */
  grantReport(grantee: IGrantable): Grant {
    return this.grantItems(grantee, 'dynamodb:GetItem', 'dynamodb:PutItem');
  }
}
