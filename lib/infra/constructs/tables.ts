import { type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type Attribute, AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import {
  Effect,
  Grant,
  type IGrantable,
  PolicyDocument,
  PolicyStatement,
  StarPrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { EXPIRES_ATTRIBUTE, LEDGER_KEY, SUPPRESSION_KEY } from '../../adapters/dynamodb/constants.ts';

interface ExpiringTableProps {
  readonly tableName: string;

  /** Whether the table outlives its stack and is protected from deletion. */
  readonly keep: boolean;
}

interface KeyedTableProps extends ExpiringTableProps {
  readonly partitionKey: Attribute;
  readonly sortKey?: Attribute;
}

/**
 * What both tables have in common: on-demand, TLS only, point-in-time recovery for 35 days, and a time to live for each
 * item.
 *
 * Not a global table: the pipeline runs in one Region, and AWS's rules and tags support this kind of table best.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html
 */
class ExpiringTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, { keep, ...props }: KeyedTableProps) {
    super(scope, id);
    this.table = new Table(this, 'Table', {
      ...props,
      billingMode: BillingMode.PAY_PER_REQUEST,
      // A key that DynamoDB owns: no body is stored here, and a KMS key would be one more service, price and quota
      // between a mail and SES.
      encryption: TableEncryption.DEFAULT,
      timeToLiveAttribute: EXPIRES_ATTRIBUTE,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      resourcePolicy: this.refusePlainHttp(props.tableName),
      deletionProtection: keep,
      // Unless its own create is rolled back: what is left of a failed deploy would block the next one.
      removalPolicy: keep ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    });
  }

  /** Only these actions on items; `Table.grant` would add those on indexes and streams. */
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

export interface LedgerTableProps extends ExpiringTableProps {
  /** How long an item is remembered; whole days. */
  readonly retention: Duration;
}

/**
 * Remembers what was sent to SES and its status: one item for each send batch of a delivery.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
 */
export class LedgerTable extends ExpiringTable {
  /** The functions set the expiry when they write an item. */
  readonly retention: Duration;

  constructor(scope: Construct, id: string, { retention, ...props }: LedgerTableProps) {
    super(scope, id, {
      ...props,
      partitionKey: { name: LEDGER_KEY.partition, type: AttributeType.STRING },
      sortKey: { name: LEDGER_KEY.sort, type: AttributeType.NUMBER },
    });
    this.retention = retention;
  }

  /** Allows claiming send batches, recording the response of SES, and reading both and the latencies of events. */
  grantClaims(grantee: IGrantable): Grant {
    return this.grantItems(
      grantee,
      'dynamodb:GetItem',
      'dynamodb:PutItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
    );
  }

  /** Allows recording the events of a send batch and their latency. */
  grantStatuses(grantee: IGrantable): Grant {
    return this.grantItems(grantee, 'dynamodb:GetItem', 'dynamodb:UpdateItem');
  }
}

export interface SuppressionTableProps extends ExpiringTableProps {
  readonly softBounces: SoftBounceRule;
}

/** How many soft bounces within how long suppress a recipient. */
export interface SoftBounceRule {
  readonly limit: number;

  /** Whole days. */
  readonly window: Duration;
}

/** The suppression list of the pipeline: one item for each address with a bounce or complaint. */
export class SuppressionTable extends ExpiringTable {
  /** The rule belongs to the list, so that writers and readers apply the same one. */
  readonly softBounces: SoftBounceRule;

  constructor(scope: Construct, id: string, { softBounces, ...props }: SuppressionTableProps) {
    super(scope, id, {
      ...props,
      partitionKey: { name: SUPPRESSION_KEY.partition, type: AttributeType.STRING },
    });
    this.softBounces = softBounces;
  }

  /** Allows looking up known addresses, but not listing the others. */
  grantFind(grantee: IGrantable): Grant {
    return this.grantItems(grantee, 'dynamodb:BatchGetItem');
  }

  /** Allows recording a bounce or a complaint. */
  grantRecord(grantee: IGrantable): Grant {
    return this.grantItems(grantee, 'dynamodb:GetItem', 'dynamodb:PutItem');
  }
}
