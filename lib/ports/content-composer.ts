import type { MailContent } from '../message/envelope.ts';

/** Makes a MIME message of a mail that came in parts. */
export interface ContentComposer {
  /**
   * @param mark what the message's Message-ID and Date say, the same at every try
   */
  compose(
    mail: MailContent,
    mark: { readonly messageId: string; readonly date: Date },
  ): Promise<ComposedContent>;
}

export type ComposedContent =
  | { readonly kind: 'mime'; readonly mime: Buffer }
  | { readonly kind: 'unreadable'; readonly reason: 'too-large' | 'not-composable'; readonly detail: string };
