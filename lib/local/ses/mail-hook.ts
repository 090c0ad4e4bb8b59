import type { SesMail } from './mail.ts';

/** What to do with each mail taken. */
export type OnMail = (mail: SesMail) => void | Promise<void>;

/** Runs the hook of the options beside the calls, and keeps what it throws until the end. */
export class MailHook {
  readonly #hook: OnMail | undefined;
  readonly #underWay = new Set<Promise<void>>();
  readonly #errors: unknown[] = [];

  constructor(hook: OnMail | undefined) {
    this.#hook = hook;
  }

  call(mail: SesMail): void {
    const run = this.#run(mail).finally(() => this.#underWay.delete(run));
    this.#underWay.add(run);
  }

  async #run(mail: SesMail): Promise<void> {
    try {
      await this.#hook?.(mail);
    } catch (error) {
      this.#errors.push(error);
    }
  }

  /** Waits for what is under way, and throws once what the hook has thrown. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
    const errors = this.#errors.splice(0);
    if (errors.length > 0) throw new AggregateError(errors, 'onMail failed');
  }
}
