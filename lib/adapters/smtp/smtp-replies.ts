import type { Socket } from 'node:net';

/** A reply of an SMTP server (RFC 5321, section 4.2). */
export interface SmtpReply {
  /** 0 where the server does not speak SMTP. */
  readonly code: number;
  /** The first line, cut short. */
  readonly text: string;
  /** Behind the code; of EHLO, the extensions from the second line on. */
  readonly lines: readonly string[];
}

const MOST_CHARACTERS = 64 * 1024;
const MOST_TEXT_CHARACTERS = 200;

/** Waits for the next reply; undefined where the connection ends before. */
export function nextReply(socket: Socket): Promise<SmtpReply | undefined> {
  return new Promise((resolve) => {
    let seen = '';
    const onData = (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      const reply = readReply(seen);
      if (reply !== undefined) end(reply);
      else if (seen.length > MOST_CHARACTERS) end({ code: 0, text: textOf(seen), lines: [] });
    };
    const onClose = () => end(undefined);
    const end = (reply: SmtpReply | undefined) => {
      socket.off('data', onData).off('close', onClose).off('end', onClose);
      resolve(reply);
    };
    socket.on('data', onData).on('close', onClose).on('end', onClose);
    if (socket.destroyed) onClose();
  });
}

function readReply(seen: string): SmtpReply | undefined {
  const lines = seen.split('\r\n').slice(0, -1);
  const [first] = lines;
  if (first === undefined)
    return seen.includes('\n') ? { code: 0, text: textOf(seen), lines: [] } : undefined;
  if (!/^\d{3}(?:[ -]|$)/.test(first)) return { code: 0, text: textOf(first), lines: [] };
  const isWhole = lines.some((line) => /^\d{3}(?: |$)/.test(line));
  if (!isWhole) return undefined;
  return { code: Number(first.slice(0, 3)), text: textOf(first), lines: lines.map((line) => line.slice(4)) };
}

/** It ends up on a terminal, which obeys control characters. */
const textOf = (line: string) =>
  (line.split(/\r?\n/)[0] ?? '').replaceAll(/\p{Cc}/gu, '?').slice(0, MOST_TEXT_CHARACTERS);
