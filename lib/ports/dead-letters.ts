/** Where a mail that can never be sent waits for a person. */
export interface DeadLetters {
  /**
   * Parks a message with the reason beside it.
   *
   * @param body the message as it came, or narrowed to the recipients that are still owed
   * @throws where the queue did not confirm it: the message must stay where it is
   */
  park(body: string, cause: DeadLetterCause): Promise<void>;
}

export interface DeadLetterCause {
  /** A stable word to group by. */
  readonly reason: string;
  /** What exactly was wrong, without addresses or content. */
  readonly detail: string;
  readonly deliveryId?: string;
}
