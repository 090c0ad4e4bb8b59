import { once } from 'node:events';
import { isIP, isIPv6, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { errorCode } from '../../common/errors.ts';
import { HostConnector, type HostConnectorDeps } from './host-connector.ts';

export interface SmtpProbeTarget {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** For the whole probe. */
  readonly timeoutMs: number;
}

/** The stage before TLS at which the session ended. */
type SmtpProbeStage = 'greeting' | 'EHLO' | 'STARTTLS';

/** The result of a probe. */
export type SmtpProbe =
  /** @param code system error code, such as ECONNREFUSED */
  | { readonly kind: 'unreachable'; readonly code: string }
  /** Connected, but no reply in time, or the connection closed. */
  | { readonly kind: 'silent'; readonly at: SmtpProbeStage }
  | { readonly kind: 'refused'; readonly at: SmtpProbeStage; readonly reply: string }
  /** Greets, but does not offer STARTTLS. */
  | { readonly kind: 'plain' }
  | { readonly kind: 'tls-failed'; readonly reason: string }
  | { readonly kind: 'tls'; readonly protocol: string; readonly certificate: SeenCertificate };

/**
 * Opens an SMTP session up to TLS and sends no mail (RFC 5321, RFC 3207), at the address to which the worker would
 * connect. An untrusted certificate does not end the probe: the result describes the problem.
 *
 * @throws the signal's reason, once it aborts
 */
export async function probeSmtp(
  target: SmtpProbeTarget,
  signal: AbortSignal,
  deps: HostConnectorDeps = {},
): Promise<SmtpProbe> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(target.timeoutMs)]);
  const probe = await runSession(target, either, deps);
  signal.throwIfAborted();
  return probe;
}

async function runSession(
  target: SmtpProbeTarget,
  signal: AbortSignal,
  deps: HostConnectorDeps,
): Promise<SmtpProbe> {
  let socket: Socket;
  try {
    socket = await new HostConnector(target, deps).connect(signal);
  } catch (error) {
    return { kind: 'unreachable', code: errorCode(error) };
  }
  const stop = () => socket.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await (target.implicitTls ? probeImplicitTls : probeStartTls)(socket, target, signal);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

async function probeStartTls(
  socket: Socket,
  target: SmtpProbeTarget,
  signal: AbortSignal,
): Promise<SmtpProbe> {
  const ehlo = await greet(socket);
  if ('kind' in ehlo) return ehlo;
  if (!ehlo.lines.some((line) => /^STARTTLS$/i.test(line))) {
    socket.end('QUIT\r\n');
    return { kind: 'plain' };
  }
  const ready = await sendCommand(socket, 'STARTTLS', 220);
  if ('kind' in ready) return ready;
  const secured = await secure(socket, target, signal);
  if ('kind' in secured) return secured;
  secured.end('QUIT\r\n');
  return seenIn(secured, target.host);
}

async function probeImplicitTls(
  socket: Socket,
  target: SmtpProbeTarget,
  signal: AbortSignal,
): Promise<SmtpProbe> {
  const secured = await secure(socket, target, signal);
  if ('kind' in secured) return secured;
  const ehlo = await greet(secured);
  if ('kind' in ehlo) return ehlo;
  secured.end('QUIT\r\n');
  return seenIn(secured, target.host);
}

async function greet(socket: Socket): Promise<SmtpReply | SmtpProbe> {
  const greeting = await sendCommand(socket, undefined, 220);
  return 'kind' in greeting ? greeting : sendCommand(socket, `EHLO ${ownName(socket)}`, 250);
}

/** @param command undefined waits for the greeting */
async function sendCommand(
  socket: Socket,
  command: string | undefined,
  wanted: number,
): Promise<SmtpReply | SmtpProbe> {
  const [verb = 'greeting'] = command?.split(' ') ?? [];
  const at = verb === 'EHLO' || verb === 'STARTTLS' ? verb : 'greeting';
  const pending = nextReply(socket);
  if (command !== undefined) socket.write(`${command}\r\n`);
  const reply = await pending;
  if (reply === undefined) return { kind: 'silent', at };
  return reply.code === wanted ? reply : { kind: 'refused', at, reply: reply.text };
}

async function secure(
  socket: Socket,
  { host, ca }: SmtpProbeTarget,
  signal: AbortSignal,
): Promise<TLSSocket | SmtpProbe> {
  const secured = connectTls({
    socket,
    // Server name indication must not be an IP address (RFC 6066, section 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    rejectUnauthorized: false,
  });
  secured.on('error', () => {});
  try {
    const ended = once(secured, 'close', { signal }).then(() => 'ended');
    const done = await Promise.race([once(secured, 'secureConnect', { signal }), ended]);
    return done === 'ended'
      ? { kind: 'tls-failed', reason: 'the connection ended in the handshake' }
      : secured;
  } catch (error) {
    return { kind: 'tls-failed', reason: signal.aborted ? 'no answer in time' : codeOf(error) };
  }
}

function seenIn(secured: TLSSocket, host: string): SmtpProbe {
  return {
    kind: 'tls',
    protocol: secured.getProtocol() ?? 'TLS',
    certificate: seenCertificate(secured, host),
  };
}

/** The address literal of RFC 5321, section 4.1.3, because this host may have no valid name. */
function ownName({ localAddress = '127.0.0.1' }: Socket): string {
  return isIPv6(localAddress) ? `[IPv6:${localAddress}]` : `[${localAddress}]`;
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'no connection';
}

/** A reply of an SMTP server (RFC 5321, section 4.2). */
interface SmtpReply {
  /** 0 if the server does not speak SMTP. */
  readonly code: number;
  /** The first line, truncated. */
  readonly text: string;
  /** The text after the code; for EHLO, the extensions from the second line on. */
  readonly lines: readonly string[];
}

const MAX_CHARACTERS = 64 * 1024;
const MAX_TEXT_CHARACTERS = 200;

/** Waits for the next reply; undefined if the connection closes first. */
function nextReply(socket: Socket): Promise<SmtpReply | undefined> {
  return new Promise((resolve) => {
    let seen = '';
    const onData = (chunk: Buffer) => {
      seen += chunk.toString('latin1');
      const reply = readReply(seen);
      if (reply !== undefined) end(reply);
      else if (seen.length > MAX_CHARACTERS) end({ code: 0, text: textOf(seen), lines: [] });
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

/** The text is shown on a terminal, which interprets control characters. */
const textOf = (line: string) =>
  (line.split(/\r?\n/)[0] ?? '').replaceAll(/\p{Cc}/gu, '?').slice(0, MAX_TEXT_CHARACTERS);

/** The certificate that a host presents. */
export interface SeenCertificate {
  /** DNS names and addresses. */
  readonly names: readonly string[];
  readonly notAfter: Date;
  /** Whether one of the names matches the host. */
  readonly fitsHost: boolean;
  /** Trust in the signature, as far as the chain can be followed. Ignores validity dates. */
  readonly trust: 'trusted' | 'self-signed' | 'untrusted';
}

const SELF_SIGNED = ['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'];

/** Errors that occur even with a trusted signature. */
const UNRELATED_TO_TRUST = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'ERR_TLS_CERT_ALTNAME_INVALID'];

/** @param host as given to the client */
function seenCertificate(socket: TLSSocket, host: string): SeenCertificate {
  const certificate = socket.getPeerCertificate();
  const alternatives = certificate.subjectaltname?.split(', ') ?? [];
  const names = alternatives.map((name) => name.replace(/^(?:DNS|IP Address):/, ''));
  return {
    names,
    notAfter: new Date(certificate.valid_to),
    fitsHost: checkServerIdentity(host, certificate) === undefined,
    trust: trustOf(socket),
  };
}

function trustOf({ authorizationError }: TLSSocket): SeenCertificate['trust'] {
  // Node returns the OpenSSL code, although its types say Error.
  const code = authorizationError === null ? '' : String(authorizationError ?? '');
  if (code === '' || UNRELATED_TO_TRUST.some((known) => code.includes(known))) return 'trusted';
  return SELF_SIGNED.some((known) => code.includes(known)) ? 'self-signed' : 'untrusted';
}
