import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMailer } from '../../mailer/create-mailer.ts';
import type { Mail, Mailer } from '../../mailer/mailer.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { LocalPipeline } from '../local-pipeline.ts';
import { type Arrival, arrivalsOf, resent, type Verdict, verdictOn } from './arrivals.ts';
import { SCENES, type Scene } from './scenes.ts';

/** A retry or two of SES fits in; what is not there by then is missing. */
const PATIENCE_MS = 30_000;

/** What became of one mail of the story. */
export interface Tale {
  readonly scene: string;
  readonly id: string;
  readonly outcome: Outcome;
  /** How long `deliver` took: until SMTP or the queue had the mail. */
  readonly handledMs: number;
  readonly arrivals: readonly Arrival[];
  readonly verdict: Verdict | 'refused';
  /** Where the bytes of each arrival were written. */
  readonly files: readonly string[];
}

export interface Storyteller {
  scene(title: string): void;
  mail(tale: Tale): void;
}

/** Plays every scene against a running pipeline and says what became of each mail. */
export async function tellStory(pipeline: LocalPipeline, teller: Storyteller): Promise<Tale[]> {
  const mailer = createMailer(pipeline.mailerSettings);
  const tales: Tale[] = [];
  for (const scene of SCENES) {
    teller.scene(scene.title);
    const played = await playScene(scene, mailer, pipeline);
    for (const tale of played) teller.mail(tale);
    tales.push(...played);
  }
  await mailer.close();
  return tales;
}

async function playScene(scene: Scene, mailer: Mailer, pipeline: LocalPipeline): Promise<Tale[]> {
  await pipeline.smtp.behave(...scene.smtp);
  for (const fault of scene.ses ?? []) pipeline.ses.fault(fault);
  return Promise.all(scene.mails.map((mail) => sendOne(scene, mail, mailer, pipeline)));
}

async function sendOne(scene: Scene, mail: Mail, mailer: Mailer, pipeline: LocalPipeline): Promise<Tale> {
  const frozen = await mailer.freeze(mail);
  if (frozen.kind === 'refused') {
    const none = { handledMs: 0, arrivals: [], files: [] };
    return { scene: scene.title, id: frozen.id, outcome: frozen, verdict: 'refused', ...none };
  }
  const { delivery } = frozen;
  const started = performance.now();
  const outcome = await mailer.deliver(delivery);
  const handledMs = Math.round(performance.now() - started);
  if (wasHandedOver(outcome)) await resent(delivery, pipeline, PATIENCE_MS).catch(() => {});
  const arrivals = arrivalsOf(delivery, pipeline);
  const files = await keep(delivery, arrivals, pipeline.directory);
  const verdict = verdictOn(delivery, arrivals);
  return { scene: scene.title, id: delivery.id, outcome, handledMs, arrivals, verdict, files };
}

function wasHandedOver(outcome: Outcome): boolean {
  return outcome.kind === 'handed-over' || outcome.kind === 'split';
}

/** Writes the bytes where a person can look at them; of SES, the ones that its recipients see. */
async function keep(delivery: Delivery, arrivals: readonly Arrival[], directory: string): Promise<string[]> {
  return Promise.all(
    arrivals.map(async ({ route, raw, delivered }) => {
      const folder = join(directory, route);
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${delivery.id}.eml`);
      await writeFile(file, delivered ?? raw);
      return file;
    }),
  );
}
