import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './postfix.ts';

export interface SmtpSink {
  readonly host: string;
  readonly port: number;
  stop(): void;
}

/** Starts Postfix' `smtp-sink`, which takes mail faster than any client sends it, and keeps none. */
export async function startSmtpSink(): Promise<SmtpSink> {
  const port = await freePort();
  const sink = spawn('smtp-sink', ['-u', 'nobody', '-c', `127.0.0.1:${port}`, '1000'], { stdio: 'ignore' });
  for (let tries = 0; tries < 100 && !(await isListening(port)); tries += 1) await delay(20);
  return { host: '127.0.0.1', port, stop: () => void sink.kill() };
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
