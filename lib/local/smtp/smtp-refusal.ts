import type { SmtpRefusal } from './smtp-behaviour.ts';

/** A 4xx or 5xx reply in the shape that smtp-server answers with. */
export class SmtpRefusalError extends Error {
  readonly responseCode: number;

  constructor(reply: SmtpRefusal) {
    super(reply.slice(4));
    this.responseCode = Number(reply.slice(0, 3));
  }
}

export function isRefusal(reply: string): reply is SmtpRefusal {
  return /^[45]\d\d /.test(reply);
}
