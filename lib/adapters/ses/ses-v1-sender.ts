import { SESClient, type SESClientConfig, SendRawEmailCommand } from '@aws-sdk/client-ses';
import type { RawMail, RawMailSender, SendResponse } from '../../ports/senders.ts';
import { callSes, SES_CLIENT_OPTIONS, sesTags } from './call-ses.ts';

/** Sends by v1 SendRawEmail, which accepts up to 10 MB. */
export class SesV1Sender implements RawMailSender {
  readonly #ses: SESClient;
  readonly #configurationSet: string;
  readonly #timeoutMs: number;

  /**
   * @param timeoutMs after this time the result counts as unknown
   * @param config by default from the environment
   */
  constructor(configurationSet: string, timeoutMs: number, config: SESClientConfig = {}) {
    this.#ses = new SESClient({ ...config, ...SES_CLIENT_OPTIONS });
    this.#configurationSet = configurationSet;
    this.#timeoutMs = timeoutMs;
  }

  send(mail: RawMail): Promise<SendResponse> {
    const command = new SendRawEmailCommand({
      Source: mail.from,
      Destinations: [...mail.recipients],
      RawMessage: { Data: mail.mime },
      ConfigurationSetName: this.#configurationSet,
      Tags: sesTags(mail),
    });
    return callSes(this.#timeoutMs, async (abortSignal) => {
      const { MessageId } = await this.#ses.send(command, { abortSignal });
      return MessageId;
    });
  }

  /** Closes its connections; do not use it afterwards. */
  close(): void {
    this.#ses.destroy();
  }
}
