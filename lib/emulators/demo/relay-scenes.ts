import { randomBytes } from 'node:crypto';
import nodemailer, { type SendMailOptions } from 'nodemailer';
import { createSmtpRelay, type SmtpRelay } from '../../relay/create-relay.ts';
import type { RelaySettings } from '../../relay/settings.ts';
import type { LocalPipeline } from '../pipeline.ts';
import type { SesMail } from '../ses/submission.ts';
import { type DemoListener, type DemoResult, recover, sesArrival, until, writeArrivals } from './demo.ts';
import { expectedMail, insertRows, type OutboundRow, rowsNow } from './outbound-rows.ts';

/** Signs the ids of the worker's mails, so that the relay behind the mail server knows them. */
export const DEMO_ID_KEY = randomBytes(32).toString('hex');

const IN_FRONT = 'mail-core is down, and a program that only speaks SMTP sends through the relay';
const BEHIND = 'mail-core takes a mail, cannot deliver it, and gives it to the relay behind it';

/** What a cron job sends: no code of ours, no row. */
const REPORT = {
  from: 'KeyBuzz <jobs@keybuzz.io>',
  to: 'night-shift@example.org',
  subject: 'Backup finished',
  text: 'All twelve databases.',
};

const REPLY: OutboundRow = {
  id: 'reply-6',
  tenantId: 'shop-b',
  mail: {
    from: 'KeyBuzz <support@keybuzz.io>',
    to: 'ines@example.org',
    subject: 'Re: Colour',
    text: 'Blue.',
  },
};

/** The two ways of the relay: for programs that know nothing of the pipeline, and for what happens after the 250. */
export async function playRelayScenes(
  pipeline: LocalPipeline,
  listener: DemoListener,
): Promise<DemoResult[]> {
  const results: DemoResult[] = [];
  for (const play of [playInFront, playBehind]) {
    const result = await play(pipeline, listener);
    listener.mail(result);
    results.push(result);
  }
  return results;
}

async function playInFront(pipeline: LocalPipeline, listener: DemoListener): Promise<DemoResult> {
  const { smtp, services } = pipeline;
  listener.scene(IN_FRONT);
  listener.wait('waiting for cron-1');
  await recover(pipeline);
  await smtp.behave({ kind: 'refused' });
  const begunMs = performance.now();
  const upstream = { host: smtp.host, port: smtp.port, tlsCa: smtp.certificatePem };
  const reply = await sendThrough(relaySettings(pipeline, { upstream }), REPORT);
  const isReport = ({ recipients }: SesMail) => recipients.includes(REPORT.to);
  const mail = await until(async () => services.ses.mails.find(isReport));
  const tookMs = performance.now() - begunMs;
  const count = services.ses.mails.filter(isReport).length;
  const isWhole = mail?.raw.toString().includes(REPORT.text) ?? false;
  const arrivals = mail === undefined ? [] : [sesArrival(mail)];
  const verdict =
    mail === undefined ? 'not sent' : count > 1 ? 'sent twice' : isWhole ? 'arrived' : 'bytes differ';
  return {
    scene: IN_FRONT,
    id: 'cron-1',
    to: [REPORT.to],
    tookMs: mail === undefined ? undefined : tookMs,
    row: undefined,
    said: `the relay: ${reply}`,
    arrivals,
    verdict,
    asItShould: verdict === 'arrived',
    files: await writeArrivals('cron-1', arrivals, pipeline.directory),
  };
}

/**
 * The mail server here is a double: what Postfix does with `smtp_fallback_relay` for a recipient's server that cannot be
 * reached, it does by hand. It passes on the bytes that it took.
 */
async function playBehind(pipeline: LocalPipeline, listener: DemoListener): Promise<DemoResult> {
  const { smtp, services, pool, directory } = pipeline;
  listener.scene(BEHIND);
  listener.wait(`waiting for ${REPLY.id}`);
  await recover(pipeline);
  const createdAt = new Date();
  await insertRows(pool, [REPLY], createdAt);
  const [to = ''] = [expectedMail(REPLY, createdAt).to].flat().map(String);
  const taken = await until(async () => smtp.mails.find((mail) => mail.to.includes(to)));
  if (taken !== undefined) {
    await sendThrough(relaySettings(pipeline, {}), { envelope: { from: taken.from, to }, raw: taken.raw });
  }
  const row = await until(async () => {
    const [now] = await rowsNow(pool, [REPLY.id]);
    return now?.provider === 'ses' && now.status === 'delivered' ? now : undefined;
  });
  const mails = services.ses.mails.filter(({ recipients }) => recipients.includes(to));
  const arrivals = mails.map(sesArrival);
  const verdict = mails.length === 0 ? 'not sent' : mails.length > 1 ? 'sent twice' : 'arrived';
  const [mail] = mails;
  return {
    scene: BEHIND,
    id: REPLY.id,
    to: [to],
    tookMs: mail === undefined ? undefined : mail.at.getTime() - createdAt.getTime(),
    row: row ?? (await rowsNow(pool, [REPLY.id]))[0],
    said: 'took it, and cannot deliver it',
    arrivals,
    verdict,
    asItShould: row !== undefined && verdict === 'arrived',
    files: await writeArrivals(REPLY.id, arrivals, directory),
  };
}

function relaySettings(
  { mailerSettings: { fallback }, services }: LocalPipeline,
  more: Partial<RelaySettings>,
): RelaySettings {
  return {
    host: '127.0.0.1',
    port: 0,
    fallback: { ...fallback, domain: services.fromDomain },
    idKeys: [DEMO_ID_KEY],
    ...more,
  };
}

/** Sends by nodemailer alone, as any program would. @returns the reply of the relay */
async function sendThrough(settings: RelaySettings, mail: SendMailOptions): Promise<string> {
  const relay: SmtpRelay = createSmtpRelay(settings);
  const { port } = await relay.start();
  const client = nodemailer.createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  try {
    return (await client.sendMail(mail)).response;
  } finally {
    client.close();
    await relay.drain(5_000);
  }
}
