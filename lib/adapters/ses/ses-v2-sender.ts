import { SESv2Client, type SESv2ClientConfig, SendEmailCommand } from '@aws-sdk/client-sesv2';
import type { RawMail, RawMailSender, SendResponse } from '../../ports/senders.ts';
import { callSes, SES_CLIENT_OPTIONS, sesTags } from './call-ses.ts';

/** Sends by v2 SendEmail with raw content, which accepts up to 40 MB. */
export class SesV2Sender implements RawMailSender {
  readonly #ses: SESv2Client;
  readonly #configurationSet: string;
  readonly #timeoutMs: number;

  /**
   * @param timeoutMs after this time the result counts as unknown
   * @param config by default from the environment
   */
  constructor(configurationSet: string, timeoutMs: number, config: SESv2ClientConfig = {}) {
    this.#ses = new SESv2Client({ ...config, ...SES_CLIENT_OPTIONS });
    this.#configurationSet = configurationSet;
    this.#timeoutMs = timeoutMs;
  }

  send(mail: RawMail): Promise<SendResponse> {
    const command = new SendEmailCommand({
      FromEmailAddress: mail.from,
      Destination: { ToAddresses: [...mail.recipients] },
      Content: { Raw: { Data: mail.mime } },
      ConfigurationSetName: this.#configurationSet,
      EmailTags: sesTags(mail),
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
