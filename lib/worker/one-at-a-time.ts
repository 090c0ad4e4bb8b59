/**
 * Lets whoever asks while a call is under way wait for that one: a database that hangs would otherwise lose one more
 * connection to every question.
 */
export function oneAtATime<T>(call: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => {
    // Begun a moment later, so that a call which throws at once ends after it was noted, too.
    underWay ??= Promise.resolve()
      .then(call)
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
}
