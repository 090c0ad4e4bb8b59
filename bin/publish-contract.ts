import { writeFileSync } from 'node:fs';
import { type ConversionConfig, toJsonSchema } from '@valibot/to-json-schema';
import { fallbackMessageSchema } from '../lib/domain/fallback-message.ts';
import { receiptSchema } from '../lib/domain/receipt.ts';

/** The JSON Schema of the envelope, derived from the schema that the code validates with. */
export function envelopeJsonSchema(): Record<string, unknown> {
  return {
    ...derive(fallbackMessageSchema),
    $id: 'https://keybuzz.io/schemas/mail-envelope.v1.schema.json',
    title: 'Mail envelope, version 1',
    description: 'One delivery on its way through SQS to the resend Lambda.',
  };
}

/** The JSON Schema of the receipt, derived in the same way. */
export function receiptJsonSchema(): Record<string, unknown> {
  return {
    ...derive(receiptSchema),
    $id: 'https://keybuzz.io/schemas/mail-receipt.v1.schema.json',
    title: 'Mail receipt, version 1',
    description: 'What became of a delivery, on its way through SQS back to the API.',
  };
}

function derive(schema: typeof fallbackMessageSchema | typeof receiptSchema): Record<string, unknown> {
  return {
    ...toJsonSchema(schema, {
      target: 'draft-2020-12',
      typeMode: 'input',
      overrideAction: portable,
      // What JSON Schema cannot express is listed in docs/contract/README.md.
      ignoreActions: ['check'],
    }),
  };
}

/**
 * JSON Schema counts code points, as `maxCodePoints` does. And `$` is the end of the text in ECMAScript, but in Python,
 * PHP and Java also the place before a line break at the end: where a pattern allows none, that is said apart.
 */
const portable: NonNullable<ConversionConfig['overrideAction']> = ({ valibotAction, jsonSchema }) => {
  if (!('requirement' in valibotAction)) return undefined;
  const { type, requirement } = valibotAction;
  if (type === 'max_code_points' && typeof requirement === 'number') {
    return { ...jsonSchema, maxLength: requirement };
  }
  if (type !== 'regex' || !(requirement instanceof RegExp)) return undefined;
  const pattern = requirement.source;
  return { ...jsonSchema, pattern, ...(pattern.includes('\\n') ? {} : { not: { pattern: '[\\n\\r]' } }) };
};

function publish(name: string, schema: Record<string, unknown>): void {
  const target = new URL(`../docs/contract/${name}.v1.schema.json`, import.meta.url);
  writeFileSync(target, `${JSON.stringify(schema, null, 2)}\n`);
}

if (import.meta.main) {
  publish('envelope', envelopeJsonSchema());
  publish('receipt', receiptJsonSchema());
}
