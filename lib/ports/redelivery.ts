/** When SQS hands out a message again that was not acknowledged. */
export interface Redelivery {
  /**
   * @param receiptHandle of the delivery that is under way
   * @param delaySeconds from now, 0 to 43,200
   * @throws where the queue did not confirm it; the queue's own visibility timeout then stands
   */
  postpone(receiptHandle: string, delaySeconds: number): Promise<void>;
}
