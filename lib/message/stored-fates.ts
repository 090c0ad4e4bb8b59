import * as v from 'valibot';
import { BOUNCE_TYPES, FATE_KINDS, type Fate, type Fates } from './fate.ts';

const moment = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'a time'),
);

const storedFateSchema = v.object({
  kind: v.picklist(FATE_KINDS),
  at: moment,
  sesMessageId: v.optional(v.string()),
  smtpResponse: v.optional(v.string()),
  enhancedStatus: v.optional(v.string()),
  bounce: v.optional(v.object({ type: v.picklist(BOUNCE_TYPES), subType: v.string() })),
  reason: v.optional(v.string()),
  deliveredAt: v.optional(moment),
});

/** Reads the fates that a row holds. What is none is left out: somebody else may have written there. */
export function readStoredFates(stored: unknown): Fates {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return {};
  return Object.fromEntries(
    Object.entries(stored).flatMap(([key, value]): [string, Fate][] => {
      const parsed = v.safeParse(storedFateSchema, value);
      return parsed.success ? [[key, parsed.output]] : [];
    }),
  );
}
