import type { LocalDesk, NewMail } from '../../console/sources/local.ts';
import type { Clock } from '../../ports/runtime.ts';
import { DEFAULT_TUNING } from '../../worker/create-worker.ts';
import type { LocalFaults } from '../demo/faults.ts';
import { insertRows } from '../demo/outbound-rows.ts';
import type { LocalPipeline } from '../pipeline.ts';
import { AcceptedMails } from './local-inbox.ts';

export interface LocalDeskDeps {
  readonly faults: LocalFaults;
  /** By which the worker signs the IDs of its mails. */
  readonly idKeys: readonly string[];
  readonly clock: Clock;
  /** A part of the IDs of new rows. */
  readonly newId: () => string;
}

/** What a person does with a pipeline on this machine. */
export function openLocalDesk(
  pipeline: LocalPipeline,
  { faults, idKeys, clock, newId }: LocalDeskDeps,
): LocalDesk {
  return {
    inbox: new AcceptedMails(pipeline, idKeys),
    faults,
    write: async (mail) => {
      const ids = deliveryIds(`mine-${newId()}`, mail.count);
      const rows = ids.map((id, index) => ({ id, ...rowOf(mail, index + 1) }));
      await insertRows(pipeline.pool, rows, clock.now());
      return ids;
    },
  };
}

/** Those of one form sort by their numbers. */
function deliveryIds(id: string, count: number): string[] {
  if (count === 1) return [id];
  const digits = String(count).length;
  return Array.from({ length: count }, (_, index) => `${id}-${String(index + 1).padStart(digits, '0')}`);
}

function rowOf({ to, subject, text, html, isUrgent, tenantId, count }: NewMail, number: number) {
  return {
    tenantId,
    priority: isUrgent ? DEFAULT_TUNING.urgentPriority : 0,
    mail: {
      from: 'KeyBuzz <support@keybuzz.io>',
      to: [...to],
      subject: count === 1 ? subject : `${subject} (${number} of ${count})`,
      ...(text === '' ? {} : { text }),
      ...(html === '' ? {} : { html }),
    },
  };
}
