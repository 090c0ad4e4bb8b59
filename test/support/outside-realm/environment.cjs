const { TestEnvironment } = require('jest-environment-node');

/** Classes that packages loaded outside of the realm check with `instanceof`. */
const SHARED = {
  Date,
  Error,
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/**
 * Node's environment, with a `require` that uses the module cache of the worker process. Jest gives each test
 * file a realm and loads every package again in it; aws-cdk-lib alone costs 15 to 110 s and hundreds of
 * megabytes that way.
 */
module.exports = class OutsideRealmEnvironment extends TestEnvironment {
  #variables = { ...process.env };

  async setup() {
    await super.setup();
    this.global.requireOutside = (file) => require(file);
    for (const [name, shared] of Object.entries(SHARED)) {
      // What the realm itself throws, like JSON.parse, is an instance of the shared classes as well.
      Object.setPrototypeOf(this.global[name].prototype, shared.prototype);
      this.global[name] = shared;
    }
    // Jest would give the tests a copy, which the AWS clients, outside, do not see.
    this.global.process.env = process.env;
  }

  async teardown() {
    for (const name of Object.keys(process.env)) if (!(name in this.#variables)) delete process.env[name];
    Object.assign(process.env, this.#variables);
    await super.teardown();
  }
};
