import {
  type SmtpDouble,
  type SmtpDoubleOptions,
  startSmtpDouble,
} from '../../../lib/emulators/smtp/smtp-double.ts';
import { RawSmtpClient } from './raw-smtp-client.ts';

/** The doubles and clients of a test, which are all closed at its end. */
export class SmtpWorkbench {
  readonly #doubles: SmtpDouble[] = [];
  readonly #clients: RawSmtpClient[] = [];

  async double(options: SmtpDoubleOptions = {}): Promise<SmtpDouble> {
    const double = await startSmtpDouble(options);
    this.#doubles.push(double);
    return double;
  }

  dial(port: number): RawSmtpClient {
    const client = new RawSmtpClient(port);
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const { socket } of this.#clients.splice(0)) socket.destroy();
    await Promise.all(this.#doubles.splice(0).map((double) => double.close()));
  }
}
