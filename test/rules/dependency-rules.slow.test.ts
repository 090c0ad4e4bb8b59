import { afterEach, describe, expect, it } from '@jest/globals';
import { type Edge, inOrder, PlantedTree, violation } from './planted-tree.ts';

/** For each rule, imports that break only that rule. */
const PLANTS: Readonly<Record<string, readonly Edge[]>> = {
  'no-cycles': [['lib/ports/a-ring.ts', 'lib/ports/ring-back.ts']],
  'no-unresolved': [['lib/mailer/send.ts', 'not-installed']],
  'common-imports-downwards': [['lib/common/names.ts', 'lib/domain/names.ts']],
  'domain-imports-downwards': [['lib/domain/receipt.ts', 'lib/ports/queue.ts']],
  'ports-imports-downwards': [['lib/ports/ledger.ts', 'lib/adapters/ledger.ts']],
  'adapters-imports-downwards': [['lib/adapters/outbox.ts', 'lib/mailer/mailer.ts']],
  'mailer-imports-downwards': [['lib/mailer/claim.ts', 'lib/worker/claim.ts']],
  'worker-imports-downwards': [['lib/worker/redrive.ts', 'lib/cli/redrive.ts']],
  'process-imports-downwards': [['lib/process/health.ts', 'lib/worker/health.ts']],
  'relay-imports-downwards': [['lib/relay/run.ts', 'lib/worker/run.ts']],
  'console-imports-downwards': [['lib/console/pages/rows.ts', 'lib/adapters/postgres/rows.ts']],
  'lambda-sdk-imports-downwards': [['lib/lambda-sdk/client.ts', 'lib/adapters/queue.ts']],
  'cli-imports-downwards': [['lib/cli/status.ts', 'lib/worker/status.ts']],
  'no-command-imports-a-command': [
    ['lib/cli/commands/quickstart/steps.ts', 'lib/cli/commands/doctor/doctor.ts'],
    ['lib/cli/commands/dns.ts', 'lib/cli/commands/doctor/checks/dns.ts'],
  ],
  'commands-are-wired-by-the-app': [['lib/cli/lookups/alarms.ts', 'lib/cli/commands/alarms.ts']],
  'domain-is-pure': [
    ['lib/domain/schema-file.ts', 'fs/promises'],
    ['lib/domain/subprocess.ts', 'child_process'],
    ['lib/domain/mime.ts', 'nodemailer'],
    ['lib/domain/attributes.ts', '@aws-sdk/client-sqs'],
  ],
  'common-is-a-leaf': [
    ['lib/common/hash.ts', 'crypto'],
    ['lib/common/table.ts', 'nodemailer'],
  ],
  'logic-reaches-out-through-ports': [
    ['lib/ports/socket.ts', 'net'],
    ['lambda/resend/delete.ts', '@aws-sdk/client-sqs'],
  ],
  'infra-sees-shared-constants-only': [
    ['lib/infra/queue-name.ts', 'lib/adapters/queue-name.ts'],
    ['lib/infra/queue-policy.ts', 'lib/domain/fallback-message.ts'],
    ['lib/infra/table-keys.ts', 'lib/adapters/dynamodb/item-constants.ts'],
    ['lib/infra/time-limits.ts', 'lib/adapters/constants.ts'],
  ],
  'infra-is-not-imported': [
    ['bin/mailctl.ts', 'lib/infra/stack.ts'],
    ['lib/index.ts', 'lib/infra/stack.ts'],
  ],
  'the-stand-ins-of-the-sdk-are-not-imported': [
    ['bin/mailctl.ts', 'lib/lambda-sdk/client-sqs.ts'],
    ['lib/emulators/queue.ts', 'lib/lambda-sdk/client-sqs.ts'],
  ],
  'emulators-are-not-shipped': [['lib/index.ts', 'lib/emulators/smtp-double.ts']],
  'lambda-logic-sees-ports-and-domain': [
    ['lambda/resend/send.ts', 'lib/adapters/sender.ts'],
    ['lambda/resend/wired.ts', 'lambda/resend/handler.ts'],
  ],
  'handlers-wire-adapters-ports-domain': [['lambda/resend/handler.ts', 'lib/mailer/mailer.ts']],
  'lambdas-are-not-imported': [
    ['bin/local.ts', 'lambda/resend/handler.ts'],
    ['lib/emulators/host.ts', 'lambda/resend/send-all.ts'],
  ],
  'bin-is-not-imported': [['lib/emulators/run.ts', 'bin/worker.ts']],
  'tests-are-not-imported': [['bin/demo.ts', 'test/support/a-mail.ts']],
  'no-dev-dependencies-in-what-ships': [['lib/index.ts', 'smtp-server']],
  'no-undeclared-packages-in-what-ships': [
    ['lib/adapters/server.ts', 'bowser'],
    ['lib/cli/table.ts', 'bowser'],
    ['lambda/feedback/handler.ts', 'bowser'],
  ],
};

/** Closes the cycle for `no-cycles`; the checker reports a cycle once, at its first file. */
const RING_BACK: Edge = ['lib/ports/ring-back.ts', 'lib/ports/a-ring.ts'];

/** One file of each kind that the dependency diagram has. */
const TARGETS = {
  common: 'lib/common/config.ts',
  limits: 'lib/domain/limits.ts',
  domain: 'lib/domain/fallback-message.ts',
  ports: 'lib/ports/runtime.ts',
  adapters: 'lib/adapters/sqs/queue.ts',
  adapterConstants: 'lib/adapters/dynamodb/constants.ts',
  mailer: 'lib/mailer/mailer.ts',
  process: 'lib/process/drain.ts',
  worker: 'lib/worker/drain.ts',
  relay: 'lib/relay/drain.ts',
  console: 'lib/console/server.ts',
  cli: 'lib/cli/redrive.ts',
  infra: 'lib/infra/stack.ts',
  emulators: 'lib/emulators/smtp-double.ts',
  index: 'lib/index.ts',
  constants: 'lambda/resend/constants.ts',
  logic: 'lambda/resend/send.ts',
  handler: 'lambda/resend/handler.ts',
  bin: 'bin/mailctl.ts',
  test: 'test/support/a-mail.ts',
} as const;

type Kind = keyof typeof TARGETS;

const EVERY_KIND = Object.keys(TARGETS) as readonly Kind[];
const but = (...kinds: readonly Kind[]) => EVERY_KIND.filter((kind) => !kinds.includes(kind));

const DOMAIN: readonly Kind[] = ['common', 'limits', 'domain'];
const PORTS: readonly Kind[] = [...DOMAIN, 'ports'];
const ADAPTERS: readonly Kind[] = [...PORTS, 'adapters', 'adapterConstants'];
const MAILER: readonly Kind[] = [...ADAPTERS, 'mailer'];

/** The allowed imports of the design, repeated here: which file may import which kinds. */
const ARROWS: readonly (readonly [from: string, may: readonly Kind[]])[] = [
  ['lib/common/importer.ts', ['common']],
  ['lib/domain/importer.ts', DOMAIN],
  ['lib/ports/importer.ts', PORTS],
  ['lib/adapters/importer.ts', ADAPTERS],
  ['lib/mailer/importer.ts', MAILER],
  ['lib/process/importer.ts', [...MAILER, 'process']],
  ['lib/worker/importer.ts', [...MAILER, 'process', 'worker']],
  ['lib/relay/importer.ts', [...MAILER, 'process', 'relay']],
  ['lib/console/importer.ts', [...PORTS, 'console']],
  ['lib/cli/importer.ts', [...MAILER, 'console', 'cli']],
  ['lib/infra/importer.ts', ['common', 'limits', 'constants', 'adapterConstants', 'infra']],
  ['lib/emulators/importer.ts', but('logic', 'handler', 'bin', 'test')],
  ['lib/index.ts', but('infra', 'emulators', 'logic', 'handler', 'bin', 'test')],
  ['lambda/resend/importer.ts', [...PORTS, 'constants', 'logic']],
  ['lambda/resend/handler.ts', [...ADAPTERS, 'constants', 'logic']],
  ['bin/importer.ts', but('infra', 'logic', 'handler', 'test')],
  ['bin/pipeline.ts', but('logic', 'handler', 'test')],
  ['test/importer.test.ts', EVERY_KIND],
];

/** Every import that the files of `ARROWS` could make: all allowed ones or all forbidden ones. */
function edges(which: 'allowed' | 'forbidden'): readonly Edge[] {
  return ARROWS.flatMap(([from, may]) =>
    EVERY_KIND.filter((kind) => TARGETS[kind] !== from && may.includes(kind) === (which === 'allowed')).map(
      (kind): Edge => [from, TARGETS[kind]],
    ),
  );
}

/** Packages and Node modules that the rules must allow. */
const ALLOWED_PACKAGES: readonly Edge[] = [
  ['lib/common/schemas.ts', 'valibot'],
  ['lib/common/delay.ts', 'timers/promises'],
  ['lib/domain/schema.ts', 'valibot'],
  ['lib/domain/hash.ts', 'crypto'],
  ['lib/adapters/client.ts', '@aws-sdk/client-sqs'],
  ['lib/adapters/sockets.ts', 'net'],
  ['lambda/feedback/handler.ts', '@aws-sdk/client-sqs'],
  // Bundled into mailctl, or into a Lambda.
  ['lib/cli/table.ts', 'smtp-server'],
  ['lambda/feedback/handler.ts', 'smtp-server'],
  ['lib/infra/construct.ts', 'aws-cdk-lib'],
  ['lib/emulators/server.ts', 'smtp-server'],
  ['test/peer.test.ts', 'bowser'],
];

describe('the dependency rules', () => {
  const trees: PlantedTree[] = [];

  function plant(...edgesToPlant: readonly Edge[]): PlantedTree {
    const tree = new PlantedTree(edgesToPlant);
    trees.push(tree);
    return tree;
  }

  afterEach(() => {
    for (const tree of trees.splice(0)) tree.remove();
  });

  it('have a planted violation each', () => {
    expect(Object.keys(PLANTS).sort()).toEqual(plant().rules().toSorted());
  });

  it('are each broken only by their planted violation', () => {
    const expected = Object.entries(PLANTS).flatMap(([rule, plants]) =>
      plants.map((edge) => violation(rule, edge)),
    );
    const tree = plant(...Object.values(PLANTS).flat(), RING_BACK);
    expect(tree.violations()).toEqual(inOrder(expected));
    expect(tree.exitStatus()).toBeGreaterThan(0);
  });

  it('accept the allowed imports of the design', () => {
    const tree = plant(...edges('allowed'), ...ALLOWED_PACKAGES);
    expect(tree.violations()).toEqual([]);
    expect(tree.exitStatus()).toBe(0);
  });

  it('reject every other import', () => {
    const reported = plant(...edges('forbidden'))
      .violations()
      // All forbidden imports together also form cycles; these are irrelevant here.
      .filter(({ rule }) => rule !== 'no-cycles')
      .map(({ edge }) => edge);
    expect([...new Set(reported)].sort()).toEqual(
      edges('forbidden')
        .map((edge) => violation('', edge).edge)
        .sort(),
    );
  });

  it('follow what the package imports to the packages that it needs', () => {
    const tree = plant(['lib/index.ts', 'lib/adapters/server.ts']);
    tree.write('lib/adapters/server.ts', "import 'nodemailer';\nimport 'smtp-server';\n");
    expect(tree.violations()).toEqual([
      violation('no-dev-dependencies-in-what-ships', ['lib/index.ts', 'smtp-server']),
    ]);
  });

  it.each([
    ['a type', "import type { Queue } from '../adapters/queue.ts';"],
    ['a type among values', "import { type Queue } from '../adapters/queue.ts';"],
    ['a re-export', "export * from '../adapters/queue.ts';"],
    ['a re-exported type', "export type { Queue } from '../adapters/queue.ts';"],
    ['a dynamic import', "await import('../adapters/queue.ts');"],
  ])('detect %s', (_form, line) => {
    const edge: Edge = ['lib/ports/queue.ts', 'lib/adapters/queue.ts'];
    const tree = plant(edge);
    tree.write(edge[0], `${line}\n`);
    expect(tree.violations()).toEqual([violation('ports-imports-downwards', edge)]);
  });
});
