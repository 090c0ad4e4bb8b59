import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** The response of a server to one line of a client; undefined if there is none. */
export type SmtpScript = (line: string, socket: Socket) => string | undefined;

export interface ScriptedSmtpServer {
  readonly host: string;
  readonly port: number;
  /** Every line received, including those of messages. */
  readonly lines: readonly string[];
  close(): Promise<void>;
}

/** Accepts any mail, and offers 8BITMIME. */
export const TAKES_ALL: SmtpScript = (line) => {
  if (line.startsWith('EHLO')) return '250-scripted\r\n250 8BITMIME';
  if (line === 'DATA') return '354 Go ahead';
  if (line === 'QUIT') return '221 Bye';
  return line === '.' || /^(?:MAIL|RCPT|RSET)/.test(line) ? '250 OK' : undefined;
};

/**
 * An SMTP server on 127.0.0.1 for what no real server does: it sends what the script returns, without TLS.
 */
export async function startScriptedSmtpServer(script: SmtpScript): Promise<ScriptedSmtpServer> {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).write('220 scripted\r\n');
    let rest = '';
    socket.on('data', (chunk) => {
      const parts = (rest + chunk.toString('latin1')).split('\r\n');
      rest = parts.pop() ?? '';
      for (const line of parts) {
        lines.push(line);
        const reply = script(line, socket);
        if (reply !== undefined) socket.write(`${reply}\r\n`);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    lines,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
