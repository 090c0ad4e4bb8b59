import { CHOOSE_ANOTHER_SUBDOMAIN, ok, type Verdict } from './verdict.ts';
import type { SeenRecords } from './zone-view.ts';

/** Addresses at the MAIL FROM domain: something else lives there, and its mail would go to SES. */
export function judgeMailFromHost(name: string, { values, alias }: SeenRecords): Verdict {
  if (alias !== undefined || values.length === 0) return ok([], ['no address stands there, as it should be']);
  return {
    status: 'collision',
    level: 'fail',
    found: values,
    notes: [`${name} is a host of its own, whose mail would go to SES`],
    mend: CHOOSE_ANOTHER_SUBDOMAIN,
  };
}
