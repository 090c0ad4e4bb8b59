import { HOUR_MS, MINUTE_MS } from '../../common/time.ts';
import type { Chart, Charts, OverviewSnapshot, QueueNow } from '../../console/sources/overview.ts';
import { readValue } from '../../console/sources/reading.ts';

/** What a snapshot adds to the history. Undefined is what could not be read. */
interface Sample {
  readonly at: number;
  /** Since the worker started. */
  readonly accepted: number | undefined;
  readonly handedOver: number | undefined;
  readonly rows: number | undefined;
  readonly backlog: number | undefined;
  readonly held: number | undefined;
  readonly dead: number | undefined;
}

const KEPT_MS = 3 * HOUR_MS;

/** More would not be seen in a chart. */
const MIN_STEP_MS = 4_000;

/** The history that the console itself has seen, where there is no CloudWatch. */
export class SampledHistory {
  readonly #samples: Sample[] = [];

  add(snapshot: OverviewSnapshot): void {
    const at = snapshot.at.getTime();
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < MIN_STEP_MS) return;
    const [worker, outbox, queues] = [
      readValue(snapshot.worker),
      readValue(snapshot.outbox),
      readValue(snapshot.queues),
    ];
    this.#samples.push({
      at,
      accepted: worker?.accepted,
      handedOver: worker?.handedOver,
      rows: outbox?.waiting,
      backlog: queues && totalOf(queues.urgent) + totalOf(queues.normal),
      held: queues && totalOf(queues.held),
      dead: queues && totalOf(queues.deadLetters),
    });
    while (at - (this.#samples[0]?.at ?? at) > KEPT_MS) this.#samples.shift();
  }

  get charts(): Charts {
    const times = this.#samples.map(({ at }) => at / 1000);
    const values = (name: Exclude<keyof Sample, 'at'>) => this.#samples.map((sample) => sample[name] ?? null);
    const rates = (name: 'accepted' | 'handedOver') =>
      this.#samples.map((_sample, index) => this.#lastMinute(index, name));
    const chart = (id: string, title: string, unit: string, series: Chart['series']): Chart => ({
      id,
      title,
      unit,
      times,
      series,
    });
    return {
      from: 'as this console has seen it since it was started',
      everySeconds: 5,
      charts: [
        chart('rate', 'Mails a minute', 'mails', [
          { label: 'accepted by mail-core', values: rates('accepted'), colour: 'good' },
          { label: 'handed over to SES', values: rates('handedOver'), colour: 'warn' },
        ]),
        chart('waiting', 'What waits', 'mails', [
          { label: 'rows', values: values('rows'), colour: 'info' },
          { label: 'in SQS', values: values('backlog'), colour: 'warn' },
          { label: 'held', values: values('held'), colour: 'dim' },
        ]),
        chart('dead', 'Dead letters', 'letters', [
          { label: 'need a person', values: values('dead'), colour: 'bad' },
        ]),
      ],
    };
  }

  /** Of a counter; a worker that was started again counts from 0. */
  #lastMinute(index: number, name: 'accepted' | 'handedOver'): number | null {
    const sample = this.#samples[index];
    const now = sample?.[name];
    if (sample === undefined || now === undefined) return null;
    const before =
      this.#samples.findLast(({ at }, other) => other < index && at <= sample.at - MINUTE_MS) ??
      this.#samples[0];
    const then = before?.[name];
    return then === undefined ? null : Math.max(now - then, 0);
  }
}

function totalOf(queue: QueueNow | undefined): number {
  return queue === undefined ? 0 : queue.waiting + queue.inFlight;
}
