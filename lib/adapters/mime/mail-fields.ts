import type { SendMailOptions } from 'nodemailer';
import type { MailContent } from '../../message/envelope.ts';

/** The fields of a mail in parts as nodemailer takes them. They name no file and no URL to read. */
export function toNodemailer({ attachments, ...fields }: Omit<MailContent, 'type'>): SendMailOptions {
  return {
    ...fields,
    attachments: attachments?.map(({ content, ...description }) => ({
      ...description,
      content: Buffer.from(content, 'base64'),
    })),
  };
}
