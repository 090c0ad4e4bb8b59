import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CHAOS = fileURLToPath(new URL('../chaos/run.ts', import.meta.url));

export interface ChaosRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm run chaos` in a process of its own, as from the shell. */
export function runChaos(...args: readonly string[]): Promise<ChaosRun> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CHAOS, ...args], (error, stdout, stderr) => {
      const failed = typeof error?.code === 'number' ? error.code : 1;
      resolve({ code: error === null ? 0 : failed, stdout, stderr });
    });
  });
}
