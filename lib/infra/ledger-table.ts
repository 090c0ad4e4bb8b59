import type { Duration } from 'aws-cdk-lib';
import { AttributeType } from 'aws-cdk-lib/aws-dynamodb';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { LEDGER_KEY } from '../adapters/dynamodb/constants.ts';
import { ExpiringTable, type ExpiringTableProps } from './expiring-table.ts';

export interface LedgerTableProps extends ExpiringTableProps {
  /** How long what was offered to SES is remembered; whole days. */
  readonly retention: Duration;
}

/**
 * The memory of what was offered to SES and of what became of it: one item for up to 50 recipients of a delivery.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
 */
export class LedgerTable extends ExpiringTable {
  /** Those who write items set when they expire. */
  readonly retention: Duration;

  constructor(scope: Construct, id: string, { retention, ...props }: LedgerTableProps) {
    super(scope, id, {
      ...props,
      partitionKey: { name: LEDGER_KEY.partition, type: AttributeType.STRING },
      sortKey: { name: LEDGER_KEY.sort, type: AttributeType.NUMBER },
    });
    this.retention = retention;
  }

  /** Allows claiming parts, writing what SES answered, and reading both and the latencies of events. */
  grantClaims(grantee: IGrantable): Grant {
    return this.grantItems(
      grantee,
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    );
  }

  /** Allows writing what events tell of a part, and how long they took. */
  grantFates(grantee: IGrantable): Grant {
    return this.grantItems(grantee, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  }
}
