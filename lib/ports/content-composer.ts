import type { CompositionMark } from '../message/composition-mark.ts';
import type { MailContent } from '../message/envelope.ts';

/** Makes a MIME message of a mail that came in parts. */
export interface ContentComposer {
  compose(mail: MailContent, mark: CompositionMark): Promise<ComposedContent>;
}

export type ComposedContent =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  | {
      readonly kind: 'unreadable';
      readonly reason: 'too-large' | 'malformed-header' | 'not-composable';
      readonly detail: string;
    };
