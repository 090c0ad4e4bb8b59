import type { Style, Terminal } from '../terminal.ts';
import type { SendEnding, SendResult, SendStep } from './send-result.ts';

const STYLES: Readonly<Record<SendEnding['verdict'], Style>> = {
  delivered: 'green',
  open: 'yellow',
  failed: 'red',
};

export function renderStep({ what, afterMs }: SendStep): string {
  return `${`${(afterMs / 1000).toFixed(1)} s`.padStart(8)}  ${what}`;
}

/** The steps were told as they came. */
export function renderSend(
  terminal: Terminal,
  { id, by, from, to, verdict, detail, mend }: SendResult,
): string {
  return [
    `${terminal.paint(STYLES[verdict], verdict)}: ${detail}`,
    `  delivery ${id} by ${by}, from ${from} to ${to}`,
    ...(mend === undefined ? [] : [`  next: ${mend}`]),
  ].join('\n');
}
