/** Ends a run with the plain line `N passed, N failed` for scripts, after all other output. */
module.exports = class CountReporter {
  onRunComplete(_contexts, results) {
    // A file that failed to load ran no test: it counts as one failure, because it would go unnoticed
    // otherwise.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests > 0 ? `, ${results.numPendingTests} skipped` : '';
    process.on('exit', () => {
      process.stdout.write(`${results.numPassedTests} passed, ${failed} failed${skipped}\n`);
    });
  }
};
