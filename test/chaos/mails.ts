/** The mails of a run: of many tenants, urgent and not, small and large, to one and to many, some that expire. */
import { type SeededRandom, seededRandom } from '../../lib/emulators/ses/event-faults.ts';
import type { DeliveryScript } from '../../lib/emulators/ses/simulate-delivery.ts';

export interface ChaosMail {
  readonly id: string;
  readonly tenantId: string;
  readonly priority: number;
  readonly recipients: readonly string[];
  readonly textBytes: number;
  /** From its insertion. */
  readonly expiresAfterMs?: number;
}

export interface MailsOptions {
  readonly count: number;
  readonly seed: number;
  /** How long rows are inserted: what expires does so about then. */
  readonly overMs: number;
}

const TENANTS = 20;
/** Beyond what one SQS message carries: these go through S3. */
const LARGE_BYTES = 1_300_000;
/** Beyond what SES takes by its first version, and read one at a time by a worker. */
const HUGE_BYTES = 20_000_000;
const MAX_RECIPIENTS = 120;

/** Pure: the same seed makes the same mails. */
export function mailsOf({ count, seed, overMs }: MailsOptions): ChaosMail[] {
  const random = seededRandom(seed);
  const large = new Set(placesFor(Math.min(Math.ceil(count / 100), 20), count, random));
  const huge = new Set(placesFor(count < 500 ? 0 : 2, count, random));
  return Array.from({ length: count }, (_, index): ChaosMail => {
    const isHuge = huge.has(index);
    const recipients = isHuge || large.has(index) ? 1 : recipientCount(random);
    const kind = random();
    return {
      id: `chaos-${seed}-${index}`,
      tenantId: `tenant-${Math.floor(random() * TENANTS)}`,
      priority: random() < 0.1 ? 10 : 0,
      recipients: Array.from({ length: recipients }, (_, place) => addressOf(index, place, kind)),
      textBytes: isHuge ? HUGE_BYTES : large.has(index) ? LARGE_BYTES : smallSize(random),
      ...(random() < 0.05 ? { expiresAfterMs: Math.round(overMs * (0.1 + random())) } : {}),
    };
  });
}

function placesFor(count: number, among: number, random: SeededRandom): number[] {
  return Array.from({ length: count }, () => Math.floor(random() * among));
}

/** Most have one; few have more than fit into one call of SES. */
function recipientCount(random: SeededRandom): number {
  const kind = random();
  if (kind < 0.92) return 1;
  if (kind < 0.97) return 2 + Math.floor(random() * 8);
  return 10 + Math.floor(random() * (MAX_RECIPIENTS - 9));
}

function smallSize(random: SeededRandom): number {
  return random() < 0.02 ? 100_000 : 50 + Math.floor(random() * 3_000);
}

/** Some mailboxes refuse; a few of these are written to again and again, until they are suppressed. */
function addressOf(index: number, place: number, kind: number): string {
  if (kind < 0.02) return `gone-${index}-${place}@example.org`;
  if (kind < 0.03) return `gone-again-${place}@example.org`;
  if (kind < 0.04) return `full-${index}-${place}@example.org`;
  if (kind < 0.05) return `slow-${index}-${place}@example.org`;
  if (kind < 0.06) return `spam-${index}-${place}@example.org`;
  return `buyer-${index}-${place}@example.org`;
}

/** How SES's delivery to an address ends. */
export function scriptFor(address: string): DeliveryScript | undefined {
  if (address.startsWith('gone-')) return { kind: 'hard-bounce' };
  if (address.startsWith('full-')) return { kind: 'soft-bounce' };
  if (address.startsWith('slow-')) return { kind: 'delayed-then-delivered' };
  if (address.startsWith('spam-')) return { kind: 'complaint' };
  return undefined;
}

/** Whether the mailbox at SES's other end gets what SES accepts. */
export function isDeliverable(address: string): boolean {
  const kind = scriptFor(address)?.kind;
  return kind !== 'hard-bounce' && kind !== 'soft-bounce';
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \n';

/** Text that does not compress to nothing, since what is small travels inside of the queue's message. */
export function textOf({ textBytes }: ChaosMail, random: SeededRandom): string {
  const bytes = Buffer.allocUnsafe(textBytes);
  for (let index = 0; index < textBytes; index += 5) {
    let draw = Math.floor(random() * 2 ** 32);
    for (let digit = index; digit < Math.min(index + 5, textBytes); digit += 1) {
      bytes[digit] = LETTERS.charCodeAt(draw & 63);
      draw >>>= 6;
    }
  }
  return bytes.toString('latin1');
}
