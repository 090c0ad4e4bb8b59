import { writeFileSync } from 'node:fs';
import { type ConversionConfig, toJsonSchema } from '@valibot/to-json-schema';
import { envelopeSchema } from '../lib/message/envelope.ts';

/** The JSON Schema of the envelope, derived from the schema that the code parses with. */
export function envelopeJsonSchema(): Record<string, unknown> {
  return {
    ...toJsonSchema(envelopeSchema, {
      target: 'draft-2020-12',
      typeMode: 'input',
      overrideAction: unicodePattern,
    }),
    $id: 'https://keybuzz.io/schemas/mail-envelope.v1.schema.json',
    title: 'Mail envelope, version 1',
    description: 'One delivery on its way through SQS to the resend Lambda.',
  };
}

/** JSON Schema reads patterns in Unicode mode (2020-12 core, 6.4), which is what the `u` flag says. */
const unicodePattern: NonNullable<ConversionConfig['overrideAction']> = ({ valibotAction, jsonSchema }) => {
  if (valibotAction.type !== 'regex' || !('requirement' in valibotAction)) return undefined;
  const { requirement } = valibotAction;
  return requirement instanceof RegExp && requirement.flags === 'u'
    ? { ...jsonSchema, pattern: requirement.source }
    : undefined;
};

if (import.meta.main) {
  const target = new URL('../docs/contract/envelope.v1.schema.json', import.meta.url);
  writeFileSync(target, `${JSON.stringify(envelopeJsonSchema(), null, 2)}\n`);
}
