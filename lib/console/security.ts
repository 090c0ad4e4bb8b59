import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import type { Html } from './view.ts';

/**
 * Who may use the console. It has the rights of the operator who started it, and any page in the operator's browser can
 * send requests to this machine. So each request must prove that it comes from the link that was printed:
 *
 * - a random token, in the link once and then in a cookie that no script can read and no other site can send;
 * - the Host header names this machine: a name of another site that was pointed to 127.0.0.1 (DNS rebinding) does not;
 * - a change comes from a form of the console: Origin, Sec-Fetch-Site and a second token say so.
 */
export interface Guard {
  /** Checks every request. */
  readonly check: MiddlewareHandler;
  /** In every form that changes something. */
  readonly formToken: string;
  /** The link that opens the console. */
  link(origin: string): string;
}

/** Adds the headers that keep a page from running or loading what is not of the console. A page may have a policy of its own. */
export const secureHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  }
};

export interface GuardOptions {
  /** Of the server; known once it listens. */
  readonly port: () => number;
  /** Random bytes. */
  readonly random: (bytes: number) => Buffer;
  /** What is shown to a request that is refused. */
  readonly refusal: (title: string, text: string) => Html | Promise<Html>;
}

const TOKEN_BYTES = 32;

/** The name of the field with the token of forms. */
const FORM_TOKEN = 'form-token';

/**
 * Nothing from elsewhere, and nothing inline: what a mail contains cannot run, load or send anything, even if it were
 * not escaped.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** For the HTML of a mail, in a frame of its own: its styles and embedded images, and nothing that loads or runs. */
export const MAIL_CONTENT_SECURITY_POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

const HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  // With no-referrer, browsers hide the origin of a form's request from its own server as well.
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const;

export function createGuard({ port, random, refusal }: GuardOptions): Guard {
  const token = random(TOKEN_BYTES).toString('base64url');
  const formToken = random(TOKEN_BYTES).toString('base64url');
  // Cookies do not keep the ports of one machine apart: two consoles would take each other's.
  const cookie = () => `console-${port()}`;
  const refuse = async (c: Context, status: 400 | 401 | 403 | 421, title: string, text: string) =>
    c.html(await refusal(title, text), status);

  const check: MiddlewareHandler = async (c, next) => {
    const hosts = [`127.0.0.1:${port()}`, `localhost:${port()}`];
    const host = c.req.header('Host') ?? '';
    if (!hosts.includes(host))
      return refuse(c, 421, 'Another name', 'This console answers to 127.0.0.1 and localhost alone.');
    const given = c.req.query('token');
    if (given !== undefined && c.req.method === 'GET') {
      if (!isSame(given, token)) return refuse(c, 401, 'Wrong link', LINK_TEXT);
      setCookie(c, cookie(), token, { httpOnly: true, sameSite: 'Strict', path: '/' });
      return c.redirect(withoutToken(c.req.url), 303);
    }
    if (!isSame(getCookie(c, cookie()) ?? '', token)) return refuse(c, 401, 'Open the link', LINK_TEXT);
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') {
      if (!isFromHere(c, host)) return refuse(c, 403, 'From another page', FORM_TEXT);
      const form = await c.req.parseBody();
      const field = form[FORM_TOKEN];
      if (typeof field !== 'string' || !isSame(field, formToken))
        return refuse(c, 403, 'Not a form of this console', FORM_TEXT);
    }
    await next();
  };
  return { check, formToken, link: (origin) => `${origin}/?token=${token}` };
}

const LINK_TEXT =
  'Open the link that was printed where the console was started. It is valid until the console ends.';
const FORM_TEXT = 'Nothing was changed. Go back to the console, load the page again and repeat it there.';

/** Browsers send at least one of the two with a form, and no script can set either. */
function isFromHere(c: Context, host: string): boolean {
  const [origin, site] = [c.req.header('Origin'), c.req.header('Sec-Fetch-Site')];
  if (origin === undefined && site === undefined) return false;
  return (origin ?? `http://${host}`) === `http://${host}` && (site ?? 'same-origin') === 'same-origin';
}

/** A path of this server: never another host, whatever the path looks like. */
function withoutToken(url: string): string {
  const { pathname, searchParams } = new URL(url);
  searchParams.delete('token');
  const query = searchParams.size === 0 ? '' : `?${searchParams}`;
  return `/${pathname.replace(/^[/\\]+/, '')}${query}`;
}

/** In a time that says nothing of where they differ. */
function isSame(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return first !== undefined && second !== undefined && timingSafeEqual(first, second);
}
