import { MetricStore } from '../cloudwatch/metric-store.ts';

/** A stack of CloudFormation. */
export interface AccountStack {
  readonly name: string;
  /** As CloudFormation writes it, such as `CREATE_COMPLETE` or `UPDATE_ROLLBACK_COMPLETE`. */
  status: string;
  statusReason?: string;
  /** @default false */
  isProtected?: boolean;
  readonly description?: string;
  readonly createdAt: Date;
  readonly outputs: Record<string, string>;
  readonly resources: readonly StackResource[];
}

export interface StackResource {
  readonly logicalId: string;
  /** As in a template, such as `AWS::SQS::Queue`. */
  readonly type: string;
  readonly physicalId: string;
  /** @default CREATE_COMPLETE */
  readonly status?: string;
}

export interface IamUser {
  readonly name: string;
  readonly createdAt: Date;
  accessKeys: AccessKey[];
}

export interface AccessKey {
  readonly id: string;
  /** @default Active */
  status?: 'Active' | 'Inactive';
  readonly createdAt: Date;
  /** Undefined if it was never used. */
  lastUsedAt?: Date;
}

export interface StoredSecret {
  readonly name: string;
  readonly arn: string;
  /** Undefined if it never had one. */
  value: string | undefined;
  readonly createdAt: Date;
  /** Set once a deletion is scheduled: the value cannot be read any more. */
  deletedAt?: Date;
}

export interface Alarm {
  readonly name: string;
  readonly description?: string;
  state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
  stateReason?: string;
  /** @default true */
  actionsEnabled?: boolean;
  /** ARNs of the alarm actions, such as topics. */
  readonly actions: readonly string[];
  readonly changedAt: Date;
}

export interface Topic {
  readonly arn: string;
  readonly subscriptions: Subscription[];
}

export interface Subscription {
  /** `email`, `sqs`, `https` and so on. */
  readonly protocol: string;
  readonly endpoint: string;
  /** False until the subscriber has followed the link. */
  confirmed: boolean;
}

export interface DeployedFunction {
  readonly name: string;
  /** @default Active */
  state?: 'Pending' | 'Active' | 'Inactive' | 'Failed';
  /** @default Successful */
  lastUpdateStatus?: 'Successful' | 'Failed' | 'InProgress';
  readonly timeoutSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly modifiedAt: Date;
}

export interface SourceMapping {
  readonly id: string;
  readonly functionName: string;
  readonly sourceArn: string;
  state: 'Creating' | 'Enabling' | 'Enabled' | 'Disabling' | 'Disabled' | 'Updating' | 'Deleting';
  readonly batchSize: number;
  readonly maximumConcurrency?: number;
  readonly modifiedAt: Date;
}

/** The caller of the credentials. */
export interface Caller {
  readonly arn: string;
  readonly userId: string;
}

export interface AwsAccountOptions {
  /** @default 123456789012 */
  readonly id?: string;
  /** The Region of its resources; IAM is global. @default eu-west-1 */
  readonly region?: string;
  /** @default a role of an administrator */
  readonly caller?: Caller;
  /** The clock of its services. @default the clock of this machine */
  readonly now?: () => Date;
}

/**
 * The content of an account, as far as the operator's commands read it. All of it may be changed at any time,
 * and applies to the next call.
 */
export class AwsAccount {
  readonly id: string;
  readonly region: string;
  caller: Caller;
  readonly stacks = new Map<string, AccountStack>();
  readonly users = new Map<string, IamUser>();
  readonly secrets = new Map<string, StoredSecret>();
  readonly alarms = new Map<string, Alarm>();
  /** By their ARNs. */
  readonly topics = new Map<string, Topic>();
  readonly functions = new Map<string, DeployedFunction>();
  /** By their ids. */
  readonly sourceMappings = new Map<string, SourceMapping>();
  /** The metrics in CloudWatch. */
  readonly metrics = new MetricStore();
  readonly now: () => Date;
  /** The maximum entries per page, to test the paging of callers. @default as in AWS */
  pageSize: number | undefined;

  constructor({ id = '123456789012', region = 'eu-west-1', caller, now }: AwsAccountOptions = {}) {
    this.id = id;
    this.region = region;
    this.now = now ?? (() => new Date());
    this.caller = caller ?? {
      arn: `arn:aws:sts::${id}:assumed-role/Administrator/operator`,
      userId: 'AROAEXAMPLEADMINISTRA:operator',
    };
  }

  /** The account as seen in a Region: its resources are in one, and the others are empty. */
  seenIn(region: string): AwsAccount {
    return region === this.region
      ? this
      : new AwsAccount({ id: this.id, region, caller: this.caller, now: this.now });
  }

  add(things: Partial<AccountThings>): this {
    for (const stack of things.stacks ?? []) this.stacks.set(stack.name, stack);
    for (const user of things.users ?? []) this.users.set(user.name, user);
    for (const secret of things.secrets ?? []) this.secrets.set(secret.name, secret);
    for (const alarm of things.alarms ?? []) this.alarms.set(alarm.name, alarm);
    for (const topic of things.topics ?? []) this.topics.set(topic.arn, topic);
    for (const deployed of things.functions ?? []) this.functions.set(deployed.name, deployed);
    for (const mapping of things.sourceMappings ?? []) this.sourceMappings.set(mapping.id, mapping);
    return this;
  }
}

interface AccountThings {
  readonly stacks: readonly AccountStack[];
  readonly users: readonly IamUser[];
  readonly secrets: readonly StoredSecret[];
  readonly alarms: readonly Alarm[];
  readonly topics: readonly Topic[];
  readonly functions: readonly DeployedFunction[];
  readonly sourceMappings: readonly SourceMapping[];
}
