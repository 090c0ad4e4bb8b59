/**
 * Malformed messages and events by the thousands, and good ones among them. Afterwards SES has each good one once and
 * its delivery is reported; each bad one is a dead letter with a cause; and the functions hold no more memory than
 * before.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Message, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { packMime } from '../../../lib/domain/content.ts';
import { serialiseFallbackMessage } from '../../../lib/domain/fallback-message.ts';
import { type LocalBackend, startLocalBackend } from '../../../lib/emulators/backend.ts';
import { consume } from '../consume.ts';
import { malformedEvents, malformedMessages } from '../malformed.ts';
import { printFindings, progress, say, table, timesTakenBySes, writeJson } from '../report.ts';

const run = promisify(execFile);

export interface MalformedOptions {
  readonly good: number;
  /** Half of them messages, half of them events. */
  readonly bad: number;
  readonly seed: number;
  readonly json?: string;
}

const RESEND_FUNCTIONS = 4;
const FEEDBACK_FUNCTIONS = 2;

/** Put into the queues at once; the next follow when about as many have come out. */
const WAVE = 500;
const MAX_WAITING = 2_000;
const SAMPLE_MS = 2_000;
const PATIENCE_MS = 30 * 60_000;

/** A process may grow until it has seen everything once: what it holds then is what it starts from. */
const WARM_SHARE = 0.25;
const MAX_GROWTH = 1.5;

/** @returns whether all of that is so */
export async function runMalformed(options: MalformedOptions): Promise<boolean> {
  const pace = { timeoutSeconds: 60, visibilitySeconds: 60 };
  const backend = await startLocalBackend({
    resend: { ...pace, concurrency: RESEND_FUNCTIONS },
    feedback: { ...pace, concurrency: FEEDBACK_FUNCTIONS },
    eventWaitSeconds: { least: 2, default: 6, most: 15 },
    feedbackWindowSeconds: 1,
    environment: {
      NODE_OPTIONS: `--expose-gc --import=${new URL('../collecting-garbage.ts', import.meta.url).href}`,
    },
  });
  backend.services.ses.account.maxSendRate = 10_000;
  backend.services.ses.account.max24HourSend = -1;
  const flood = new Flood(backend, options);
  try {
    return await flood.run();
  } finally {
    await backend.close();
  }
}

class Flood {
  readonly #backend: LocalBackend;
  readonly #options: MalformedOptions;
  readonly #startedMs = performance.now();
  /** By the hash of the body: how often it was put in and has not come out. */
  readonly #missing = new Map<string, { readonly flaw: string; left: number }>();
  readonly #delivered = new Set<string>();
  readonly #causes = new Map<string, number>();
  readonly #strange: string[] = [];
  readonly #memory: MemorySample[] = [];
  readonly #news = new EventTarget();
  #badIn = 0;
  #badOut = 0;
  #goodIn = 0;

  constructor(backend: LocalBackend, options: MalformedOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  async run(): Promise<boolean> {
    const { good, bad } = this.#options;
    const over = new AbortController();
    const consuming = this.#consumeAll(over.signal);
    const sampling = setInterval(() => void this.#sampleMemory(), SAMPLE_MS);
    const reporting = progress(async () => this.#progressLine());
    say(`${good} good messages among ${bad} malformed messages and events`);
    try {
      await this.#putAll();
      await this.#until(() => this.#badOut >= bad && this.#delivered.size >= good);
    } finally {
      reporting.stop();
      clearInterval(sampling);
      await this.#sampleMemory();
      over.abort();
      await consuming;
    }
    return this.#report();
  }

  #consumeAll(signal: AbortSignal): Promise<unknown> {
    const { aws, feedbackDeadLetters, receipts } = this.#backend.services;
    const { sqs } = aws;
    return Promise.all([
      consume({ sqs, url: aws.deadLetters.url, signal }, (letter) => this.#countLetter(letter)),
      consume({ sqs, url: feedbackDeadLetters.url, signal }, (letter) => this.#countLetter(letter)),
      consume({ sqs, url: receipts.url, signal }, (receipt) => this.#countReceipt(receipt)),
    ]);
  }

  #countLetter({ Body = '', MessageAttributes }: Message): void {
    const cause = MessageAttributes?.cause?.StringValue;
    const missing = this.#missing.get(hashOf(Body));
    if (missing === undefined || cause === undefined) {
      this.#strange.push(`${cause ?? 'no cause'}: ${Body.slice(0, 80)}`);
      return;
    }
    this.#causes.set(cause, (this.#causes.get(cause) ?? 0) + 1);
    if (missing.left > 0) this.#badOut += 1;
    missing.left -= 1;
    this.#news.dispatchEvent(new Event('news'));
  }

  #countReceipt({ Body = '' }: Message): void {
    const { id, kind } = JSON.parse(Body) as { readonly id: string; readonly kind: string };
    if (id.startsWith('good-') && kind === 'delivered') {
      this.#delivered.add(id);
      this.#news.dispatchEvent(new Event('news'));
    }
  }

  async #putAll(): Promise<void> {
    const { bad, good, seed } = this.#options;
    const { aws, feedback } = this.#backend.services;
    for (let wave = 0; this.#badIn < bad; wave += 1) {
      const size = Math.min(WAVE, bad - this.#badIn);
      const messages = malformedMessages(Math.ceil(size / 2), seed + wave);
      const events = malformedEvents(Math.floor(size / 2), seed + wave);
      for (const { flaw, body } of [...messages, ...events]) {
        const hash = hashOf(body);
        this.#missing.set(hash, { flaw, left: (this.#missing.get(hash)?.left ?? 0) + 1 });
      }
      this.#badIn += size;
      const goodUntil = Math.round((good * this.#badIn) / bad);
      const theirs = Array.from({ length: goodUntil - this.#goodIn }, (_, index) =>
        goodBody(this.#goodIn + index),
      );
      this.#goodIn = goodUntil;
      await Promise.all([
        this.#put(
          aws.fallback.url,
          mixed(
            messages.map(({ body }) => body),
            theirs,
          ),
        ),
        this.#put(
          feedback.url,
          events.map(({ body }) => body),
        ),
      ]);
      await this.#until(() => this.#badIn - this.#badOut < MAX_WAITING);
    }
  }

  async #put(url: string, bodies: readonly string[]): Promise<void> {
    for (const batch of batches(bodies)) {
      const Entries = batch.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      const { Failed = [] } = await this.#backend.services.aws.sqs.send(
        new SendMessageBatchCommand({ QueueUrl: url, Entries }),
      );
      if (Failed.length > 0) throw new Error(`the queue did not take a message: ${Failed[0]?.Message}`);
    }
  }

  /** Looks again with each dead letter and receipt. */
  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = setTimeout(() => reject(new Error(`stuck: ${this.#progressLine()}`)), PATIENCE_MS);
      const look = () => {
        if (!isSo()) return;
        clearTimeout(end);
        this.#news.removeEventListener('news', look);
        resolve();
      };
      this.#news.addEventListener('news', look);
      look();
    });
  }

  #progressLine(): string {
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000);
    return `${seconds} s: ${this.#badOut} of ${this.#badIn} bad ones are dead letters, ${this.#delivered.size} of ${this.#goodIn} good ones delivered`;
  }

  async #sampleMemory(): Promise<void> {
    const { resendFunction, feedbackFunction } = this.#backend;
    const pids = [...resendFunction.processIds, ...feedbackFunction.processIds];
    const sizes = await Promise.all(pids.map(residentMb));
    this.#memory.push({
      share: this.#badOut / this.#options.bad,
      processes: new Map(pids.map((pid, index) => [pid, sizes[index] ?? 0])),
    });
  }

  async #report(): Promise<boolean> {
    const { good, bad, json, seed } = this.#options;
    const taken = timesTakenBySes(this.#backend.services.ses);
    const ids = Array.from({ length: good }, (_, index) => goodId(index));
    const lost = ids.filter((id) => !taken.has(id));
    const twice = ids.filter((id) => (taken.get(id) ?? 0) > 1);
    const uninvited = [...taken.keys()].filter((id) => !id.startsWith('good-'));
    const missing = [...this.#missing.values()].filter(({ left }) => left > 0).map(({ flaw }) => flaw);
    const memory = memoryOf(this.#memory);
    const isFlat = memory.growth <= MAX_GROWTH;
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000);
    const isRight =
      isFlat && lost.length + twice.length + uninvited.length + missing.length + this.#strange.length === 0;
    console.log(
      table([
        ['good messages', good],
        ['of these taken by SES once', good - lost.length - twice.length],
        ['of these reported as delivered', this.#delivered.size],
        ['malformed messages and events', bad],
        ['of these dead letters with a cause', this.#badOut],
        ['of these missing', missing.length],
        ['malformed ones that SES took', uninvited.length],
        ['dead letters of neither', this.#strange.length],
        ['memory of a function, first / last / most', `${memory.first} / ${memory.last} / ${memory.most} MB`],
        [`the same: growth since it was warm, at most ${MAX_GROWTH}`, memory.growth.toFixed(2)],
        ['time', `${seconds} s`],
        ...[...this.#causes].map(([cause, count]) => [`dead letters: ${cause}`, count] as const),
      ]),
    );
    printFindings('missing', missing);
    printFindings('strange dead letter', this.#strange);
    if (!isFlat) console.log('the memory of a function grew beyond its bound');
    await writeJson(json, { good, bad, seed, isRight, lost, twice, uninvited, missing, memory, seconds });
    return isRight;
  }
}

interface MemorySample {
  /** Of the bad ones that had come out. */
  readonly share: number;
  readonly processes: ReadonlyMap<number, number>;
}

/** Of the process that grew most since it was warm. */
function memoryOf(samples: readonly MemorySample[]) {
  const warm = samples.find(({ share }) => share >= WARM_SHARE) ?? samples[0];
  const pids = [...(warm?.processes.keys() ?? [])];
  const ofProcess = pids.map((pid) => {
    const sizes = samples.flatMap(({ processes }) => processes.get(pid) ?? []);
    const [first = 0] = sizes;
    const last = sizes.at(-1) ?? 0;
    return { first, last, most: Math.max(...sizes), growth: last / (warm?.processes.get(pid) ?? last) };
  });
  const none = { first: 0, last: 0, most: 0, growth: Number.POSITIVE_INFINITY };
  return ofProcess.toSorted((one, other) => other.growth - one.growth)[0] ?? none;
}

/** 0 if it has ended. Without `/proc` it asks `ps`, which costs a process each time. */
async function residentMb(pid: number): Promise<number> {
  const kilobytes =
    process.platform === 'linux'
      ? readFile(`/proc/${pid}/status`, 'utf8').then((text) => /VmRSS:\s*(\d+)/.exec(text)?.[1])
      : run('ps', ['-o', 'rss=', '-p', String(pid)]).then(({ stdout }) => stdout);
  return Math.round(Number((await kilobytes.catch(() => undefined)) ?? 0) / 1024);
}

function hashOf(body: string): string {
  return createHash('sha1').update(body).digest('base64');
}

const goodId = (index: number) => `good-${index}`;

function goodBody(index: number): string {
  const mime = `From: support@keybuzz.io\r\nTo: buyer-${index}@example.org\r\nSubject: ${goodId(index)}\r\n\r\nHello.\r\n`;
  return serialiseFallbackMessage({
    version: 1,
    id: goodId(index),
    envelope: { from: 'support@keybuzz.io', to: [`buyer-${index}@example.org`] },
    content: packMime(Buffer.from(mime)),
    createdAt: new Date().toISOString(),
  });
}

/** The few stand evenly among the many. */
function mixed(many: readonly string[], few: readonly string[]): string[] {
  const every = Math.max(1, Math.ceil(many.length / (few.length + 1)));
  return [
    ...many.flatMap((body, index) => {
      const place = index / every;
      const good = Number.isInteger(place) ? few[place] : undefined;
      return good === undefined ? [body] : [good, body];
    }),
    ...few.slice(Math.ceil(many.length / every)),
  ];
}

/** A batch is at most ten messages, and at most as large as one may be. */
const MAX_BATCH_BYTES = 900_000;

function batches(bodies: readonly string[]): string[][] {
  const all: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const body of bodies) {
    const size = Buffer.byteLength(body);
    if (bytes + size > MAX_BATCH_BYTES || all.at(-1)?.length === 10) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1)?.push(body);
    bytes += size;
  }
  return all;
}
