import { readFileSync } from 'node:fs';

/** Of the project in which the rules run. */
const dependencies = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies);

/**
 * The arrows of the design. Imports point one way:
 * bin → infra, worker, relay, cli, emulators → mailer → adapters → ports → domain, and all → common.
 */
const lib = (...folders) => `^lib/(${folders.join('|')})/`;

/** A folder of lib may import only the folders named here, and itself. */
const layers = {
  common: [],
  domain: ['common'],
  ports: ['domain', 'common'],
  adapters: ['ports', 'domain', 'common'],
  mailer: ['adapters', 'ports', 'domain', 'common'],
  process: ['mailer', 'adapters', 'ports', 'domain', 'common'],
  worker: ['process', 'mailer', 'adapters', 'ports', 'domain', 'common'],
  relay: ['process', 'mailer', 'adapters', 'ports', 'domain', 'common'],
  console: ['ports', 'domain', 'common'],
  'lambda-sdk': ['common'],
  cli: ['console', 'mailer', 'adapters', 'ports', 'domain', 'common'],
};

const forbidden = [
  { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
  {
    name: 'no-unresolved',
    comment: 'aws-lambda is a package of types alone',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true, pathNot: '^aws-lambda$' },
  },
  ...Object.entries(layers).map(([layer, allowed]) => ({
    name: `${layer}-imports-downwards`,
    comment: `lib/${layer} may import only ${['itself', ...allowed].join(', ')}`,
    severity: 'error',
    from: { path: lib(layer) },
    to: { path: '^(bin|lib|lambda|test)/', pathNot: lib(layer, ...allowed) },
  })),
  {
    name: 'no-command-imports-a-command',
    comment: 'what several commands of mailctl need is in lib/cli/lookups, or is injected by lib/cli/app.ts',
    severity: 'error',
    from: { path: '^lib/cli/commands/([^/.]+)' },
    to: { path: '^lib/cli/commands/', pathNot: '^lib/cli/commands/$1(/|\\.ts$)' },
  },
  {
    name: 'commands-are-wired-by-the-app',
    comment: 'what commands share must not depend on one of them',
    severity: 'error',
    from: { path: '^lib/cli/(?!commands/|app\\.ts$)' },
    to: { path: '^lib/cli/commands/' },
  },
  {
    name: 'domain-is-pure',
    comment: 'lib/domain does no I/O and knows no AWS: beside its own files, it imports only what computes',
    severity: 'error',
    from: { path: lib('domain') },
    to: {
      pathNot: '^(bin|lib|lambda|test|\\.)/|^node_modules/valibot/|^(node:)?(buffer|crypto|url|util|zlib)$',
    },
  },
  {
    name: 'common-is-a-leaf',
    comment:
      'every layer may import lib/common, so it brings nothing along but valibot and the timers of Node',
    severity: 'error',
    from: { path: lib('common') },
    to: { pathNot: '^(bin|lib|lambda|test|\\.)/|^node_modules/valibot/|^(node:)?timers/promises$' },
  },
  {
    name: 'logic-reaches-out-through-ports',
    comment:
      'what a Lambda decides is tested without AWS, so its logic calls ports, never a client or a socket',
    severity: 'error',
    from: { path: '^lib/ports/|^lambda/', pathNot: '^lambda/[^/]+/handler\\.ts$' },
    to: {
      path: '^node_modules/@(aws-sdk|smithy)/|^(node:)?(child_process|dgram|dns|fs|http|http2|https|net|tls)(/|$)',
    },
  },
  {
    name: 'infra-sees-shared-constants-only',
    comment: 'a stack knows numbers and names of the code it deploys, never the code',
    severity: 'error',
    from: { path: lib('infra') },
    to: {
      path: '^(bin|lib|lambda|test)/',
      pathNot:
        '^lib/(infra|common)/|^lib/domain/(limits|metrics)\\.ts$|^lib/adapters/[^/]+/constants\\.ts$|^lambda/[^/]+/constants\\.ts$',
    },
  },
  {
    name: 'infra-is-not-imported',
    comment: 'only the CDK app, and the local run that asks for its bundles, see the stacks',
    severity: 'error',
    from: { pathNot: '^(lib/infra/|lib/emulators/|bin/pipeline\\.ts$|test/)' },
    to: { path: lib('infra') },
  },
  {
    name: 'emulators-are-not-shipped',
    comment: 'nothing outside bin and test imports the emulators',
    severity: 'error',
    from: { pathNot: '^(lib/emulators/|bin/|test/)' },
    to: { path: lib('emulators') },
  },
  {
    name: 'lambda-logic-sees-ports-and-domain',
    comment:
      'handler.ts wires adapters to the logic; the logic sees ports, domain and common alone, and no handler',
    severity: 'error',
    from: { path: '^lambda/', pathNot: '^lambda/[^/]+/handler\\.ts$' },
    to: {
      path: '^(bin|lib|lambda|test)/',
      pathNot: '^lambda/[^/]+/(?!handler\\.ts$)|^lib/(ports|domain|common)/',
    },
  },
  {
    name: 'handlers-wire-adapters-ports-domain',
    severity: 'error',
    from: { path: '^lambda/[^/]+/handler\\.ts$' },
    to: { path: '^(bin|lib|lambda|test)/', pathNot: '^lambda/|^lib/(adapters|ports|domain|common)/' },
  },
  {
    name: 'the-stand-ins-of-the-sdk-are-not-imported',
    comment: 'everything is written against the SDK; the bundle of a Lambda puts these in its place',
    severity: 'error',
    from: { pathNot: '^(lib/lambda-sdk|test)/' },
    to: { path: lib('lambda-sdk') },
  },
  {
    name: 'lambdas-are-not-imported',
    comment: 'but for the constants they share with the stacks',
    severity: 'error',
    from: { pathNot: '^(lambda|test)/' },
    to: { path: '^lambda/', pathNot: '^lambda/[^/]+/constants\\.ts$' },
  },
  {
    name: 'bin-is-not-imported',
    severity: 'error',
    from: { pathNot: '^(bin|test)/' },
    to: { path: '^bin/' },
  },
  {
    name: 'tests-are-not-imported',
    severity: 'error',
    from: { pathNot: '^test/' },
    to: { path: '^test/' },
  },
  {
    name: 'no-dev-dependencies-in-what-ships',
    comment: 'whoever imports the package installs its declared dependencies alone',
    severity: 'error',
    from: { path: '^lib/index\\.ts$' },
    to: {
      reachable: true,
      path: '^node_modules/',
      pathNot: `^node_modules/(@types|${dependencies.join('|')})/`,
    },
  },
  {
    name: 'no-undeclared-packages-in-what-ships',
    comment:
      'commands and Lambdas are bundled from what this project declares, not from what else is installed',
    severity: 'error',
    from: {
      path: '^(lib/(common|domain|ports|adapters|mailer|process|worker|relay|console|cli)|lambda)/|^lib/index\\.ts$',
    },
    to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], pathNot: 'node_modules/@types/' },
  },
];

export default {
  forbidden,
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    // Anchored: most packages keep their code in a dist/ of their own, and what is excluded breaks no rule.
    exclude: { path: '^(dist|cdk\\.out)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
