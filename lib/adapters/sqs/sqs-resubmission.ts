import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** A message as it goes into a queue again. */
export interface Resubmitted {
  readonly queueMessageId: string;
  readonly body: string;
  readonly groupId: string | undefined;
}

/** Which were taken, and why the others were not; by the id that a message had where it came from. */
export interface ResubmissionAnswer {
  readonly taken: ReadonlySet<string>;
  readonly refused: ReadonlyMap<string, string>;
}

/** Puts messages into an SQS queue as they are, without reading them and without their attributes. */
export class SqsResubmission {
  readonly #sqs: SQSClient;
  readonly #queueUrl: string;

  constructor(sqs: SQSClient, queueUrl: string) {
    this.#sqs = sqs;
    this.#queueUrl = queueUrl;
  }

  /**
   * @param messages at most ten, and together no more bytes than one message may have
   * @throws where the call has no answer: each of them was taken or was not
   */
  async send(messages: readonly Resubmitted[]): Promise<ResubmissionAnswer> {
    const { Successful = [], Failed = [] } = await this.#sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: this.#queueUrl,
        Entries: messages.map(({ body, groupId }, index) => ({
          Id: String(index),
          MessageBody: body,
          // On a standard queue the group makes it fair: a tenant with many mails does not hold up the others.
          ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
        })),
      }),
    );
    const idOf = (entry: string | undefined) => messages[Number(entry)]?.queueMessageId ?? '';
    return {
      // Without the id that the queue gave it, nothing says that it is there.
      taken: new Set(Successful.filter(({ MessageId }) => MessageId).map(({ Id }) => idOf(Id))),
      refused: new Map(Failed.map(({ Id, Code }) => [idOf(Id), Code ?? 'unnamed'])),
    };
  }
}
