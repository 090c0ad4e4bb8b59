import type { AddressInfo } from 'node:net';
import { buildApp } from 'fauxqs';
import { MAX_CONTENT_BYTES } from '../../message/limits.ts';
import { correctSqs } from './fauxqs-corrections.ts';
import { createSnsTopic, type LocalTopic } from './sns-topic.ts';

/** Room for the framing and checksums around the largest payload. */
const MAX_BODY_BYTES = MAX_CONTENT_BYTES + 1024 * 1024;

export type FauxqsServer = {
  readonly port: number;
  createTopic(name: string, subscriber: { readonly arn: string }): Promise<LocalTopic>;
  close(): Promise<void>;
};

/** fauxqs on a free port of 127.0.0.1, silent, and nearer to AWS where its difference would hide a fault of ours. */
export async function startFauxqs(region: string): Promise<FauxqsServer> {
  const app = buildApp({ logger: false, defaultRegion: region });
  // fauxqs takes bodies up to 11 MiB; a payload may be larger.
  app.removeContentTypeParser('*');
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BODY_BYTES }, (_request, body, done) => {
    done(null, body);
  });
  correctSqs(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    port: (app.server.address() as AddressInfo).port,
    createTopic: (name, subscriber) => createSnsTopic(app, name, subscriber),
    close: () => app.close(),
  };
}
