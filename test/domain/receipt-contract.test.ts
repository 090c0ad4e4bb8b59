import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { receiptJsonSchema } from '../../bin/publish-contract.ts';
import { parseReceipt, serialiseReceipt, toReceipts } from '../../lib/domain/receipt.ts';
import { arbitraryFate } from '../support/arbitrary-status.ts';

const contract = (name: string) =>
  readFileSync(new URL(`../../docs/contract/${name}`, import.meta.url), 'utf8');

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
addFormats.default(ajv);
const accordsWithPublishedSchema = ajv.compile(JSON.parse(contract('receipt.v1.schema.json')));

const receipts = fc
  .array(
    fc.record({
      address: fc.constantFrom('marie@example.org', '"a@b"@exämple.org', `${'x'.repeat(64)}@example.org`),
      status: arbitraryFate,
      smtpResponse: fc.option(fc.string({ unit: 'binary', maxLength: 200 }), { nil: undefined }),
    }),
    { minLength: 1 },
  )
  .map((statuses) =>
    toReceipts(
      { id: 'mail-1', region: 'eu-west-1' },
      statuses.map(({ address, status, smtpResponse }) => ({ address, status: { ...status, smtpResponse } })),
    ),
  );

describe('the contract of the receipt', () => {
  it('is published as the JSON Schema that the code derives', () => {
    expect(JSON.parse(contract('receipt.v1.schema.json'))).toEqual(
      JSON.parse(JSON.stringify(receiptJsonSchema())),
    );
  });

  it.each(['delivered', 'bounced'])('has a valid example of kind %s', (kind) => {
    const text = contract(`examples/receipt-${kind}.json`);

    expect(parseReceipt(text)).toMatchObject({ kind: 'receipt', receipt: { kind } });
    expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(true);
  });

  it('holds for any receipt of the pipeline, in the characters that SQS accepts', () => {
    fc.assert(
      fc.property(receipts, (reported) => {
        for (const receipt of reported) {
          const text = serialiseReceipt(receipt);
          expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(true);
          // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
          expect(text).toMatch(/^[\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('accepts exactly what the code accepts', () => {
    const example = JSON.parse(contract('examples/receipt-bounced.json'));
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(example)), fc.jsonValue(), (field, value) => {
        const text = JSON.stringify({ ...example, [field]: value });

        expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(parseReceipt(text).kind === 'receipt');
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['2026-11-22T09:30:00', '2026-11-22T09:30:00+02', '0000-01-01T00:00:00Z', 'yesterday'])(
    'rejects the time %s',
    (at) => {
      const text = JSON.stringify({ ...JSON.parse(contract('examples/receipt-bounced.json')), at });

      expect(parseReceipt(text).kind).toBe('unreadable');
      expect(accordsWithPublishedSchema(JSON.parse(text))).toBe(false);
    },
  );
});
