#!/usr/bin/env node
import { runMailctl } from '../lib/cli/app.ts';

const interrupted = new AbortController();
process.once('SIGINT', () => {
  process.stderr.write('\nstopping; Ctrl-C again ends it at once\n');
  interrupted.abort(new Error('interrupted'));
});
// On EPIPE the reader has closed the pipe (`mailctl … | head`): finish the work, and keep its exit code.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await runMailctl(process.argv.slice(2), {
  streams: { input: process.stdin, output: process.stdout, errors: process.stderr },
  env: process.env,
  directory: process.cwd(),
  signal: interrupted.signal,
});
