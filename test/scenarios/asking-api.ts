import type { Pool } from 'pg';
import { insertRows } from '../../lib/emulators/demo/outbound-rows.ts';
import type { AskedMail } from './scenario.ts';

const FROM = 'KeyBuzz <support@keybuzz.io>';

const TENANTS = ['shop-a', 'shop-b', 'shop-c'];

/** The API's side of a scenario: it inserts a row for each mail. */
export class AskingApi {
  readonly #pool: Pool;
  #asked = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** The number of mails it has inserted. */
  get asked(): number {
    return this.#asked;
  }

  async ask({ to, from = FROM }: AskedMail): Promise<void> {
    const number = this.#asked;
    this.#asked += 1;
    const row = {
      id: `mail-${number}`,
      tenantId: TENANTS[number % TENANTS.length] ?? '',
      mail: { from, to, subject: `Your order ${number}`, text: 'It is on its way.' },
    };
    await insertRows(this.#pool, [row], new Date());
  }
}
