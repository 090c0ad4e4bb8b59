/**
 * Loaded into a process before its own code (`--import`): its clock is wrong by the milliseconds in the file that is
 * named after its process id, as soon as that file is written.
 */
import { readFileSync, watch } from 'node:fs';
import { join } from 'node:path';

const directory = process.env.CHAOS_CLOCK_DIRECTORY ?? '';
const name = String(process.pid);
const RealDate = Date;
let offsetMs = 0;

function now(): number {
  return RealDate.now() + offsetMs;
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});

watch(directory, { persistent: false }, (_, changed) => {
  if (changed !== name) return;
  try {
    offsetMs = Number(readFileSync(join(directory, name), 'utf8'));
  } catch {
    offsetMs = 0;
  }
}).on('error', () => {});
