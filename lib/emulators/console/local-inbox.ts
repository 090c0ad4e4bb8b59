import PostalMime, { type Attachment, type Email } from 'postal-mime';
import { messageOf } from '../../common/errors.ts';
import type {
  InboxMail,
  LocalInbox,
  MailAttachment,
  MailContent,
  OpenedMail,
} from '../../console/sources/local.ts';
import { decodeEncodedWords, fieldValue, headerFields, headerValues } from '../../domain/mime-headers.ts';
import { findStamp } from '../../domain/relayed-mail.ts';
import { parseDeliveryIdTag } from '../../domain/send-batch.ts';
import type { LocalPipeline } from '../pipeline.ts';
import type { SesMail } from '../ses/submission.ts';
import type { ReceivedMail } from '../smtp/received-mail.ts';

interface Accepted {
  readonly mail: InboxMail;
  /** As the recipient gets it. */
  readonly raw: Buffer;
}

/** What the mail server and SES of this machine have accepted. */
export class AcceptedMails implements LocalInbox {
  readonly #parts: Pick<LocalPipeline, 'smtp' | 'services'>;
  readonly #idKeys: readonly string[];
  readonly #known = new WeakMap<ReceivedMail | SesMail, Accepted>();

  /** @param idKeys by which the worker signs the IDs of its mails */
  constructor(parts: Pick<LocalPipeline, 'smtp' | 'services'>, idKeys: readonly string[]) {
    this.#parts = parts;
    this.#idKeys = idKeys;
  }

  list(): readonly InboxMail[] {
    return this.#all()
      .map(({ mail }) => mail)
      .reverse()
      .sort((one, other) => other.at.getTime() - one.at.getTime());
  }

  async open(id: string): Promise<OpenedMail | undefined> {
    const found = this.#all().find(({ mail }) => mail.id === id);
    if (found === undefined) return undefined;
    const { mail, raw } = found;
    return { ...mail, raw, headers: headersOf(raw), content: await parseContent(raw) };
  }

  #all(): Accepted[] {
    const { smtp, services } = this.#parts;
    return [
      ...smtp.mails.map((mail, index) => this.#once(mail, () => this.#fromSmtp(mail, index + 1))),
      ...services.ses.mails.map((mail, index) => this.#once(mail, () => fromSes(mail, index + 1))),
    ];
  }

  #once(mail: ReceivedMail | SesMail, read: () => Accepted): Accepted {
    const known = this.#known.get(mail) ?? read();
    this.#known.set(mail, known);
    return known;
  }

  #fromSmtp({ at, from, to, raw }: ReceivedMail, number: number): Accepted {
    const stamp = findStamp(raw, headerFields(raw), this.#idKeys)?.stamp;
    const mail = { id: `smtp-${number}`, route: 'SMTP', at, from, to, deliveryId: stamp?.id } as const;
    return { mail: { ...mail, subject: subjectOf(raw), bytes: raw.length }, raw };
  }
}

function fromSes({ at, source, recipients, tags, delivered }: SesMail, number: number): Accepted {
  const deliveryId = tags.deliveryId === undefined ? undefined : parseDeliveryIdTag(tags.deliveryId);
  const mail = { id: `ses-${number}`, route: 'SES', at, from: source, to: recipients, deliveryId } as const;
  return { mail: { ...mail, subject: subjectOf(delivered), bytes: delivered.length }, raw: delivered };
}

function subjectOf(raw: Buffer): string {
  return decodeEncodedWords(inUtf8(headerValues(raw, 'subject')[0] ?? ''));
}

function headersOf(raw: Buffer): OpenedMail['headers'] {
  return headerFields(raw).map((field) => ({
    name: field.lines.slice(0, field.lines.indexOf(':')),
    value: decodeEncodedWords(inUtf8(fieldValue(field))),
  }));
}

/** Header fields are read as one character a byte. */
function inUtf8(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('utf8');
}

async function parseContent(raw: Buffer): Promise<MailContent> {
  try {
    const email = await PostalMime.parse(raw, { attachmentEncoding: 'arraybuffer' });
    const { text, html, attachments } = email;
    return {
      kind: 'parsed',
      text,
      html: html === undefined ? undefined : withEmbeddedImages(html, email),
      attachments: attachments.map(
        (attachment): MailAttachment => ({
          name: attachment.filename ?? undefined,
          type: attachment.mimeType,
          content: bytesOf(attachment),
        }),
      ),
    };
  } catch (error) {
    return { kind: 'unreadable', why: messageOf(error) };
  }
}

function bytesOf({ content }: Attachment): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : Buffer.from(new Uint8Array(content));
}

/** What an `img` shows without running anything. */
const IMAGES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

/** Images that the mail itself brings, by their Content-ID (RFC 2392). */
function withEmbeddedImages(html: string, { attachments }: Email): string {
  const images = new Map(
    attachments.flatMap((attachment): [string, string][] => {
      const { contentId, mimeType } = attachment;
      if (contentId === undefined || !IMAGES.has(mimeType)) return [];
      const data = bytesOf(attachment).toString('base64');
      return [[contentId.replaceAll(/^<|>$/g, ''), `data:${mimeType};base64,${data}`]];
    }),
  );
  return html.replaceAll(/\bcid:([^\s"'()<>]+)/gi, (reference, id: string) => {
    return images.get(decoded(id)) ?? reference;
  });
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
