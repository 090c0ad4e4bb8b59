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
class ExpiringTable extends Construct {
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
