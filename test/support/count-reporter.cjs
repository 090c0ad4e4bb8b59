/** Ends a run with the plain line `N passed, N failed` that scripts read, after everything else was printed. */
module.exports = class CountReporter {
  onRunComplete(_contexts, results) {
    // A file that did not load ran no test at all: it counts as one failure, or it would go unseen.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests > 0 ? `, ${results.numPendingTests} skipped` : '';
    process.on('exit', () => {
      process.stdout.write(`${results.numPassedTests} passed, ${failed} failed${skipped}\n`);
    });
  }
};
