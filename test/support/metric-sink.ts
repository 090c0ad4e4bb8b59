import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';

const putSchema = v.strictObject({
  Namespace: v.string(),
  MetricData: v.pipe(
    v.array(
      v.strictObject({
        MetricName: v.string(),
        Dimensions: v.array(v.strictObject({ Name: v.string(), Value: v.string() })),
        Timestamp: v.number(),
        Unit: v.string(),
        Values: v.pipe(v.array(v.number()), v.maxLength(150)),
        Counts: v.array(v.number()),
      }),
    ),
    v.maxLength(1_000),
  ),
});

/** A value that arrived, and how many times. */
export interface ArrivedValue {
  readonly namespace: string;
  readonly name: string;
  readonly unit: string;
  /** In the form `stage=dev,class=tls`. */
  readonly dimensions: string;
  /** ISO 8601. */
  readonly minute: string;
  readonly value: number;
  readonly times: number;
}

/** Accepts PutMetricData like CloudWatch, within its limits, and records the values. */
export class MetricSink {
  readonly calls: (readonly ArrivedValue[])[] = [];
  readonly #events = new EventEmitter();
  readonly #server = createServer((request, response) => {
    void this.#receive(request).then((status) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end('{}');
    });
  });

  static async start(): Promise<MetricSink> {
    const sink = new MetricSink();
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get arrived(): readonly ArrivedValue[] {
    return this.calls.flat();
  }

  /** Resolves when this many calls have arrived in total. */
  async calledTimes(times: number): Promise<void> {
    while (this.calls.length < times)
      await once(this.#events, 'call', { signal: AbortSignal.timeout(20_000) });
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #receive(request: IncomingMessage): Promise<number> {
    const body = await buffer(request);
    const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    const parsed = v.safeParse(putSchema, JSON.parse(text.toString()));
    const isPut = request.headers['x-amz-target'] === 'GraniteServiceVersion20100801.PutMetricData';
    if (!parsed.success || !isPut) return 400;
    const { Namespace: namespace, MetricData } = parsed.output;
    const values = MetricData.flatMap(({ MetricName, Unit, Dimensions, Timestamp, Values, Counts }) =>
      Values.map((value, index) => ({
        namespace,
        name: MetricName,
        unit: Unit,
        dimensions: Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).join(),
        minute: new Date(Timestamp * 1000).toISOString(),
        value,
        times: Counts[index] ?? 0,
      })),
    );
    this.calls.push(values);
    this.#events.emit('call');
    return 200;
  }
}
