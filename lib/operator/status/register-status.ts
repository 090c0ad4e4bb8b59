import type { Command } from 'commander';
import type { RunCommand } from '../command-context.ts';
import { addSoftBounceOptions } from '../suppression/soft-bounce-options.ts';
import type { StatusOptions } from './show-status.ts';

const HELP = `
Examples:
  mailctl status reply-4711                          what became of it, addresses masked
  DATABASE_URL=postgresql://… mailctl status reply-4711 --addresses
  mailctl --json status reply-4711 | jq '.events'

The story is put together from the row in outbound_deliveries (DATABASE_URL, or PGHOST and its kin; without them it
is left out), the dead letters, the ledger with what SES's events told, and both suppression lists. The dead letters
are looked at and given back. Mails that wait in the fallback queue are counted only: a look would count as a try.

Exit codes: 0 nothing is wrong with it; 1 a person should look: it is lost for a recipient, parked or held, has waited
for SES for 6 hours, or one of the places could not be asked; 2 nobody who was asked knows it.`;

/** `mailctl status`: the whole story of one delivery. */
export function registerStatus(program: Command, run: RunCommand): void {
  const command = program
    .command('status')
    .description('the whole story of one delivery, in order of time')
    .argument('<id>', 'the id of the delivery: that of its row, and of its envelope')
    .option('--addresses', 'show addresses whole', false)
    .addHelpText('after', HELP);
  addSoftBounceOptions(command);
  command.action((id: string, options: StatusOptions) =>
    run(async (context) => {
      // The clients of AWS and the database would make `--help` slow.
      const { showStatus } = await import('./show-status.ts');
      return showStatus(id, options, context);
    }),
  );
}
