/**
 * Loaded first by a process whose memory is measured, with `--expose-gc`: V8 collects late what is small beside its limit,
 * and that would look like a leak. What grows in spite of this is held.
 */
const COLLECT_MS = 1_000;

const { gc } = globalThis;
if (gc === undefined) throw new Error('start it with --expose-gc');
setInterval(() => void gc(), COLLECT_MS).unref();
