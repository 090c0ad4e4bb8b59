import type { Terminal } from '../terminal.ts';
import type { VaultOutcome, VaultPlan } from './bring-to-vault.ts';
import type { Standing } from './compare-fields.ts';

/** What a write does with a field, by how it stands. */
const CHANGE: Readonly<Record<Standing, string>> = {
  missing: 'added',
  different: 'changed',
  same: 'unchanged',
};

/** Which fields a write would change; never a value. */
export function renderPlan(terminal: Terminal, plan: VaultPlan): string {
  const { path, version, wasDeleted, fields, kept, changedMeanwhile } = plan;
  const state =
    version === 0
      ? 'is not there yet'
      : wasDeleted
        ? `was deleted at version ${version}`
        : `is at version ${version}`;
  const again =
    changedMeanwhile.length === 0
      ? []
      : [`Somebody else has changed ${changedMeanwhile.join(', ')} since the last comparison.`];
  const rows = [
    ...fields.map(({ field, standing }) => [field, CHANGE[standing]]),
    ...kept.map((field) => [field, "kept (not this tool's)"]),
  ];
  return [`${path} ${state}.`, ...again, terminal.table(['field', 'change'], rows)].join('\n');
}

export function renderOutcomes(outcomes: readonly VaultOutcome[]): string {
  return outcomes.map(renderOutcome).join('\n');
}

function renderOutcome({ kind, path, version, fields }: VaultOutcome): string {
  switch (kind) {
    case 'written': {
      const changed = fields.filter(({ standing }) => standing !== 'same').length;
      return `${path}: ${changed} of ${fields.length} fields written as version ${version}`;
    }
    case 'unchanged':
      return `${path}: all ${fields.length} fields are the same already, version ${version} stays`;
    case 'left':
      return `${path}: not written (answer y, or give --yes where nobody can answer)`;
  }
}
