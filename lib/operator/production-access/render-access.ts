import type { Style, Terminal } from '../terminal.ts';
import type { AccessRequest } from './access-request.ts';
import type { AccessState } from './access-state.ts';
import type { AccountStanding } from './account-standing.ts';

const STYLES: Readonly<Record<AccessState['kind'], Style>> = {
  granted: 'green',
  pending: 'yellow',
  sandbox: 'yellow',
  denied: 'red',
};

export function renderState(terminal: Terminal, state: AccessState): string {
  const line = `${terminal.paint(STYLES[state.kind], state.kind)}: ${state.detail}`;
  return 'mend' in state ? `${line}\n  next: ${state.mend}` : line;
}

export function renderStanding(terminal: Terminal, standing: AccountStanding, state: AccessState): string {
  const { sendingEnabled, enforcement, quota, review, told } = standing;
  const { perDay, perSecond, sentInLastDay } = quota;
  // SES says "no limit" so.
  const most = perDay < 0 ? 'without a limit' : `of ${perDay}`;
  const reviewed = review === undefined ? 'none' : `${review.status}, case ${review.caseId ?? 'unknown'}`;
  const rows = [
    ['sending', `${sendingEnabled ? 'enabled' : 'paused'}, the account is ${enforcement}`],
    ['quota', `${sentInLastDay} ${most} sent in 24 hours; ${perSecond} a second`],
    ['last request', reviewed],
    ...(told === undefined ? [] : [['website', told.website ?? 'none']]),
    ...(told === undefined || told.contacts.length === 0 ? [] : [['contacts', told.contacts.join(', ')]]),
  ];
  return `${renderState(terminal, state)}\n\n${terminal.table(['what', 'standing'], rows)}`;
}

/** Whole, the contacts included: AWS gets exactly this. */
export function renderRequest(terminal: Terminal, request: AccessRequest): string {
  const { website, language, contacts, useCase } = request;
  return [
    terminal.paint('bold', 'The request for production access'),
    `  mail type  TRANSACTIONAL`,
    `  website    ${website}`,
    `  language   ${language}`,
    `  contacts   ${contacts.length === 0 ? 'the address of the account alone' : contacts.join(', ')}`,
    `  use case   (${useCase.length} characters)`,
    '',
    useCase,
    '',
  ].join('\n');
}
