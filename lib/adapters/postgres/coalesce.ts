/**
 * Makes one call of many: the first is passed on at once, and those that follow within `burstMs` become one more
 * call at the end of that time. Nothing is called after the signal has aborted.
 */
export function coalesce(call: () => void, burstMs: number, signal: AbortSignal): () => void {
  let quiet = true;
  let again = false;
  const pass = () => {
    if (signal.aborted) return;
    quiet = false;
    again = false;
    setTimeout(() => {
      quiet = true;
      if (again) pass();
    }, burstMs);
    call();
  };
  return () => {
    if (quiet) pass();
    else again = true;
  };
}
