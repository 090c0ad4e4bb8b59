import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { LOGICAL_IDS } from '../../../lib/common/names.ts';
import { synthesise } from '../synthesise.ts';
import { auditPermissions, type Findings } from './audit-permissions.ts';
import { callingServices } from './calls-of-services.ts';
import { commandsInCode } from './commands-in-code.ts';
import { forbiddenCalls } from './forbidden-calls.ts';
import { knownActions } from './known-actions.ts';
import { commandOf } from './needed-permissions.ts';
import { pipelinePrincipals, resourcesToTry, type Who } from './pipeline-principals.ts';
import { type RecordedRun, recordRun } from './recorded-run.ts';
import type { Resources, TemplateResource } from './resolved-template.ts';
import { decide, policiesOf } from './template-policies.ts';

const NONE: Findings = { missing: [], unused: [], tooWide: [] };

const ACTIONS = knownActions();

/** A statement as it stands in the template. */
interface WrittenStatement {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

describe('the permissions of the pipeline, beside the calls that its code makes', () => {
  const { pipeline, monitoring } = synthesise({ stage: 'prod', workerMetrics: true });
  const template: Resources = { ...pipeline.toJSON().Resources, ...monitoring.toJSON().Resources };
  let run: RecordedRun;

  beforeAll(async () => {
    run = await recordRun();
  }, 180_000);

  function audit(who: Who, resources: Resources = template): Findings {
    const one = pipelinePrincipals(resources, run).find((principal) => principal.who === who);
    if (one === undefined) throw new Error(`no principal ${who}`);
    return auditPermissions(one.principal, [...one.recorded, ...one.onItsBehalf], policiesOf(resources), {
      actions: ACTIONS,
      resources: resourcesToTry(resources),
    });
  }

  function forbiddenButAllowed(resources: Resources = template): string[] {
    const policies = policiesOf(resources);
    return forbiddenCalls(resources, pipelinePrincipals(resources, run))
      .filter(({ request }) => decide(request, policies) === 'allowed')
      .map(({ what }) => what);
  }

  it.each<Who>(['resend', 'feedback', 'account-metrics', 'api'])(
    'of %s: none is missing, none is unused, and none covers more than is used',
    (who) => {
      expect(audit(who)).toEqual(NONE);
    },
  );

  it.each<[Who, string, readonly string[]]>([
    ['resend', 'lambda/resend/handler.ts', []],
    // Latencies are counted here, and asked for by the other Lambda.
    ['feedback', 'lambda/feedback/handler.ts', ['dynamodb Query']],
    ['account-metrics', 'lambda/account-metrics/handler.ts', []],
    ['api', 'bin/outbound-worker.ts', []],
  ])('of %s were recorded for every call that stands in its code', (who, entry, neverMade) => {
    const recorded = new Set(run[who].calls.map((call) => `${call.service} ${commandOf(call)}`));
    const inCode = [...commandsInCode(resolve(import.meta.dirname, '../../..', entry))];
    expect(inCode.filter((command) => !recorded.has(command)).sort()).toEqual(neverMade);
  });

  it('of SES and SNS bring events to their queue, and nothing else', () => {
    const policies = policiesOf(template);
    const trials = { actions: ACTIONS, resources: resourcesToTry(template) };
    for (const { principal, needed } of callingServices(template)) {
      expect(auditPermissions(principal, needed, policies, trials)).toEqual(NONE);
    }
  });

  it('do not allow what must not be', () => {
    expect(forbiddenCalls(template, pipelinePrincipals(template, run)).length).toBeGreaterThan(80);
    expect(forbiddenButAllowed()).toEqual([]);
  });

  describe('with a fault planted', () => {
    /** The template with one resource changed. */
    function changed(
      isMeant: (id: string) => boolean,
      change: (resource: TemplateResource) => void,
    ): Resources {
      const copy: Record<string, TemplateResource> = structuredClone(template);
      const ids = Object.keys(copy).filter(isMeant);
      const resource = copy[ids[0] ?? ''];
      if (resource === undefined || ids.length !== 1) throw new Error(`${ids.length} resources are meant`);
      change(resource);
      return copy;
    }

    function withStatement(
      policyId: RegExp,
      action: string,
      change: (statement: WrittenStatement) => void,
    ): Resources {
      return changed(
        (id) => policyId.test(id),
        ({ Properties }) => {
          const statements: WrittenStatement[] = Object(Properties).PolicyDocument.Statement;
          const statement = statements.find(({ Action }) => [Action].flat().includes(action));
          if (statement === undefined) throw new Error(`no statement has ${action}`);
          change(statement);
        },
      );
    }

    const account = '123456789012';
    const sqs = `arn:aws:sqs:eu-west-1:${account}:keybuzz-mail`;
    const dynamodb = `arn:aws:dynamodb:eu-west-1:${account}:table/keybuzz-mail`;

    it('show one action too many', () => {
      const resources = withStatement(/^ApiUserDefaultPolicy/, 'sqs:SendMessage', (statement) => {
        statement.Action = ['sqs:SendMessage', 'sqs:PurgeQueue'];
      });
      const lines = ['fallback', 'fallback-urgent'].map((name) => `sqs:PurgeQueue on ${sqs}-${name}-prod`);
      expect(audit('api', resources)).toEqual({ missing: [], unused: lines, tooWide: lines });
      expect(forbiddenButAllowed(resources)).toEqual(lines.map((line) => expect.stringContaining(line)));
    });

    it('show one missing', () => {
      const resources = withStatement(/^FeedbackRoleDefaultPolicy/, 'dynamodb:UpdateItem', (statement) => {
        statement.Action = 'dynamodb:GetItem';
      });
      const missing = [`dynamodb:UpdateItem on ${dynamodb}-ledger-prod`];
      expect(audit('feedback', resources)).toEqual({ ...NONE, missing });
    });

    it('show a wildcard in a resource that is used', () => {
      const resources = withStatement(/^ApiUserDefaultPolicy/, 'sqs:SendMessage', (statement) => {
        statement.Resource = `${sqs}-*`;
      });
      const { missing, unused, tooWide } = audit('api', resources);
      expect([missing, unused]).toEqual([[], []]);
      expect(tooWide).toContain(`sqs:SendMessage on ${sqs}-receipts-prod`);
      expect(tooWide).toContain(`sqs:SendMessage on ${sqs}-fallback-prod-2`);
      expect(forbiddenButAllowed(resources)).toHaveLength(3);
    });

    it('show a wildcard in an action that is used', () => {
      const resources = withStatement(/^ResendRoleDefaultPolicy/, 'dynamodb:BatchGetItem', (statement) => {
        statement.Action = 'dynamodb:*';
      });
      const { missing, unused, tooWide } = audit('resend', resources);
      expect([missing, unused]).toEqual([[], []]);
      expect(tooWide).toContain(`dynamodb:DeleteTable on ${dynamodb}-suppression-prod`);
    });

    it('show a condition that is gone', () => {
      const resources = changed(
        (id) => id.startsWith('ResendRoleDefaultPolicy'),
        ({ Properties }) => {
          const statements: WrittenStatement[] = Object(Properties).PolicyDocument.Statement;
          for (const statement of statements) delete statement.Condition;
        },
      );
      expect(audit('resend', resources)).toEqual(NONE);
      expect(forbiddenButAllowed(resources)).toHaveLength(12);
    });

    it('show a key that may publish metrics of others', () => {
      const resources = withStatement(/^ApiUserDefaultPolicy/, 'cloudwatch:PutMetricData', (statement) => {
        delete statement.Condition;
      });
      expect(audit('api', resources)).toEqual(NONE);
      expect(forbiddenButAllowed(resources)).toEqual([
        'api: cloudwatch:PutMetricData into keybuzz/mail',
        'api: cloudwatch:PutMetricData into keybuzz/mail-worker-2',
        'api: cloudwatch:PutMetricData into other/mail-worker',
      ]);
    });

    it('show an account-metrics function that may read every user, or change what it reads', () => {
      const everyUser = withStatement(
        /^AccountMetricsRoleDefaultPolicy/,
        'iam:ListAccessKeys',
        (statement) => {
          statement.Resource = `arn:aws:iam::${account}:user/*`;
        },
      );
      const line = `iam:ListAccessKeys on arn:aws:iam::${account}:user/keybuzz-ses-2`;
      expect(audit('account-metrics', everyUser).tooWide).toContain(line);
      expect(forbiddenButAllowed(everyUser)).toEqual([expect.stringContaining(line)]);

      const everyCall = withStatement(/^AccountMetricsRoleDefaultPolicy/, 'ses:GetAccount', (statement) => {
        statement.Action = [statement.Action, 'ses:PutAccountSendingAttributes'].flat();
      });
      expect(audit('account-metrics', everyCall).unused).toEqual(['ses:PutAccountSendingAttributes on *']);
      expect(forbiddenButAllowed(everyCall)).toHaveLength(1);
    });

    it('show a queue that takes plain HTTP', () => {
      const resources = withStatement(/^FallbackQueuePolicy/, 'sqs:*', (statement) => {
        statement.Action = 'sqs:PurgeQueue';
      });
      expect(forbiddenButAllowed(resources)).toContain(
        `api over plain HTTP: sqs:SendMessage on ${sqs}-fallback-prod`,
      );
    });

    it('show a function that is told of another queue than it may write to', () => {
      const resources = changed(
        (id) => id === LOGICAL_IDS.feedbackFunction,
        ({ Properties }) => {
          const { Variables } = Object(Properties).Environment;
          Variables.RECEIPTS_QUEUE_URL = Variables.FEEDBACK_QUEUE_URL;
        },
      );
      const findings = audit('feedback', resources);
      expect(findings.missing).toEqual([`sqs:SendMessage on ${sqs}-feedback-prod`]);
      expect(findings.unused).toEqual([`sqs:SendMessage on ${sqs}-receipts-prod`]);
    });
  });
});
