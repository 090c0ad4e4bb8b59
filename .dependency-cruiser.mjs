/**
 * The arrows of the design. Imports point one way:
 * bin → infra, worker, operator, local → mailer → adapters → ports → message.
 */
const lib = (...folders) => `^lib/(${folders.join('|')})/`;

/** A folder of lib may import only the folders named here, and itself. */
const layers = {
  message: [],
  ports: ['message'],
  adapters: ['ports', 'message'],
  mailer: ['adapters', 'ports', 'message'],
  worker: ['mailer', 'adapters', 'ports', 'message'],
  operator: ['mailer', 'adapters', 'ports', 'message'],
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
    name: 'message-is-pure',
    comment: 'lib/message does no I/O and knows no AWS: beside its own files, it imports only what computes',
    severity: 'error',
    from: { path: lib('message') },
    to: {
      pathNot: '^(bin|lib|lambda|test|\\.)/|^node_modules/valibot/|^(node:)?(buffer|crypto|url|util|zlib)$',
    },
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
        '^lib/infra/|^lib/message/(limits|metrics)\\.ts$|^lib/adapters/[^/]+/constants\\.ts$|^lambda/[^/]+/constants\\.ts$',
    },
  },
  {
    name: 'infra-is-not-imported',
    comment:
      'only the CDK app, the pictures of its dashboards, and the local run that asks for its bundles see the stacks',
    severity: 'error',
    from: { pathNot: '^(lib/infra/|lib/local/|bin/(pipeline|dashboards)\\.ts$|test/)' },
    to: { path: lib('infra') },
  },
  {
    name: 'local-is-not-shipped',
    comment: 'nothing outside bin and test imports the embedded servers',
    severity: 'error',
    from: { pathNot: '^(lib/local/|bin/|test/)' },
    to: { path: lib('local') },
  },
  {
    name: 'lambda-logic-sees-ports-and-message',
    comment: 'handler.ts wires adapters to the logic; the logic sees ports and message alone, and no handler',
    severity: 'error',
    from: { path: '^lambda/', pathNot: '^lambda/[^/]+/handler\\.ts$' },
    to: { path: '^(bin|lib|lambda|test)/', pathNot: '^lambda/[^/]+/(?!handler\\.ts$)|^lib/(ports|message)/' },
  },
  {
    name: 'handlers-wire-adapters-ports-message',
    severity: 'error',
    from: { path: '^lambda/[^/]+/handler\\.ts$' },
    to: { path: '^(bin|lib|lambda|test)/', pathNot: '^lambda/|^lib/(adapters|ports|message)/' },
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
    comment:
      'what is packed, and the Lambdas, run on the declared dependencies alone, not on what else is installed',
    severity: 'error',
    from: {
      path: '^(lib/(message|ports|adapters|mailer|worker|operator)|lambda)/|^lib/index\\.ts$',
    },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: 'node_modules/@types/' },
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
