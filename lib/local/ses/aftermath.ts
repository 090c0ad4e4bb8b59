import type { SesAccount } from './account.ts';
import { suppressAfter, suppressedFate } from './account-suppression.ts';
import type { EventPublisher } from './event-publisher.ts';
import type { SesMail } from './mail.ts';
import { lifeOf } from './mail-life.ts';
import { type FateOf, usualFate } from './recipient-fate.ts';

/** What the aftermath of a mail needs. */
export interface AftermathOptions {
  readonly account: SesAccount;
  readonly region: string;
  readonly publisher: EventPublisher;
}

/** What comes after SES has taken a mail: what becomes of it, whom it suppresses, and the events that tell of it. */
export class Aftermath {
  readonly #options: AftermathOptions;
  #fateOf: FateOf = () => undefined;

  constructor(options: AftermathOptions) {
    this.#options = options;
  }

  /** Decides the fates of the mails from now on. */
  script(fateOf: FateOf): void {
    this.#fateOf = fateOf;
  }

  follow(mail: SesMail): void {
    const { account, region, publisher } = this.#options;
    const fated = mail.recipients.map((recipient) => ({
      recipient,
      fate: suppressedFate(account, recipient) ?? this.#fateOf(mail, recipient) ?? usualFate(recipient),
    }));
    const identity = account.identityOf(mail.source) ?? mail.source;
    const events = lifeOf(mail, fated, { region, identity });
    for (const event of events) suppressAfter(event, account);
    if (account.publishesEvents(mail.configurationSet)) publisher.publish(events);
  }
}
