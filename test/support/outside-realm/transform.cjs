/** Replaces the entry file of a package by the module that Node loaded outside of the test's realm. */
module.exports = {
  process: (_source, file) => ({
    code: `module.exports = globalThis.requireOutside(${JSON.stringify(file)});`,
  }),
};
