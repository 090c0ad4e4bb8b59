/** What to do with each thing that happens. */
export type HookFunction<Subject> = (subject: Subject) => void | Promise<void>;

/** Runs a hook of the options beside the calls, and keeps what it throws until the end. */
export class Hook<Subject> {
  readonly #name: string;
  readonly #function: HookFunction<Subject> | undefined;
  readonly #underWay = new Set<Promise<void>>();
  readonly #errors: unknown[] = [];

  /** @param name of the option, for the message of what it throws */
  constructor(name: string, hookFunction: HookFunction<Subject> | undefined) {
    this.#name = name;
    this.#function = hookFunction;
  }

  call(subject: Subject): void {
    const run = this.#run(subject).finally(() => this.#underWay.delete(run));
    this.#underWay.add(run);
  }

  /** Waits for what is under way now. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Waits for what is under way, and throws once what the hook has thrown. */
  async settled(): Promise<void> {
    await this.idle();
    const errors = this.#errors.splice(0);
    if (errors.length > 0) throw new AggregateError(errors, `${this.#name} failed`);
  }

  async #run(subject: Subject): Promise<void> {
    try {
      await this.#function?.(subject);
    } catch (error) {
      this.#errors.push(error);
    }
  }
}
