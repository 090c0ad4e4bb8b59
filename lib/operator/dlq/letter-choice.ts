import type { Letter } from './letter.ts';

/** Which letters a command is about. */
export type LetterChoice =
  | { readonly by: 'all' }
  | { readonly by: 'cause'; readonly cause: string }
  /** The id of the delivery, or the one that the queue gave the message. */
  | { readonly by: 'id'; readonly id: string };

export function isChosen(choice: LetterChoice, { cause, deliveryId, queueMessageId }: Letter): boolean {
  switch (choice.by) {
    case 'all':
      return true;
    case 'cause':
      return cause === choice.cause;
    case 'id':
      return deliveryId === choice.id || queueMessageId === choice.id;
  }
}
