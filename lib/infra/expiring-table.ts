import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type Attribute, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import {
  Effect,
  Grant,
  type IGrantable,
  PolicyDocument,
  PolicyStatement,
  StarPrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { EXPIRES_ATTRIBUTE } from '../adapters/dynamodb/constants.ts';

export interface ExpiringTableProps {
  readonly tableName: string;

  /** Whether the table outlives its stack, and cannot be deleted by mistake. */
  readonly keep: boolean;
}

interface KeyedTableProps extends ExpiringTableProps {
  readonly partitionKey: Attribute;
  readonly sortKey?: Attribute;
}

/**
 * What both tables have in common: paid by the request, over TLS alone, restorable to any second of the last 35
 * days, and each item is gone after its time.
 *
 * A table of one region, not a global one: the pipeline lives in one region, and AWS's rules and tags know this
 * kind of table best.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html
 */
export class ExpiringTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, { keep, ...props }: KeyedTableProps) {
    super(scope, id);
    this.table = new Table(this, 'Table', {
      ...props,
      billingMode: BillingMode.PAY_PER_REQUEST,
      // A key that DynamoDB owns: no body lies here, and a key of KMS would be one more service, price and quota
      // between a mail and SES.
      encryption: TableEncryption.DEFAULT,
      timeToLiveAttribute: EXPIRES_ATTRIBUTE,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      resourcePolicy: this.refusePlainHttp(props.tableName),
      deletionProtection: keep,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  /** Just these actions on the items; `Table.grant` would add those on indexes and streams. */
  protected grantItems(grantee: IGrantable, ...actions: readonly string[]): Grant {
    return Grant.addToPrincipal({ grantee, actions: [...actions], resourceArns: [this.table.tableArn] });
  }

  /** The policy is part of the table, so it names the table before that exists. */
  private refusePlainHttp(tableName: string): PolicyDocument {
    const arn = Stack.of(this).formatArn({ service: 'dynamodb', resource: 'table', resourceName: tableName });
    const statement = new PolicyStatement({
      effect: Effect.DENY,
      principals: [new StarPrincipal()],
      actions: ['dynamodb:*'],
      resources: [arn],
      conditions: { Bool: { 'aws:SecureTransport': 'false' } },
    });
    return new PolicyDocument({ statements: [statement] });
  }
}
