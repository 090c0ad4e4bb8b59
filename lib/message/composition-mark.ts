import { createHash } from 'node:crypto';
import { domainOf } from './address.ts';

/** All that composing a mail would otherwise make up anew each time. */
export interface CompositionMark {
  readonly messageId: string;
  readonly date: Date;
  /** What the boundaries of its parts are made of. */
  readonly baseBoundary: string;
}

/**
 * The same for the same delivery, whoever composes it and when: a mail that is composed again has the same bytes,
 * so that a duplicate can be told from a second mail.
 */
export function compositionMark(id: string, from: string, createdAt: Date): CompositionMark {
  const hash = createHash('sha256').update(id).digest('hex');
  return {
    messageId: `<${hash.slice(0, 40)}@${domainOf(from)}>`,
    date: createdAt,
    baseBoundary: hash.slice(40),
  };
}
