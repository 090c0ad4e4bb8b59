import type { AccountStanding } from './account-standing.ts';

/** What the standing means for who wants out of the sandbox. */
export type AccessState =
  /** Nothing to do. */
  | { readonly kind: 'granted'; readonly detail: string }
  /** AWS looks at a request. */
  | { readonly kind: 'pending'; readonly detail: string; readonly mend: string }
  /** AWS has said no, and takes no second request by this way. */
  | { readonly kind: 'denied'; readonly detail: string; readonly mend: string }
  /** A request can be made. */
  | { readonly kind: 'sandbox'; readonly detail: string; readonly mend: string };

const SUPPORT = 'https://support.console.aws.amazon.com/support/home';

/** https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html */
export function accessStateOf({
  production,
  review,
}: Pick<AccountStanding, 'production' | 'review'>): AccessState {
  if (production) return { kind: 'granted', detail: 'out of the sandbox' };
  const where = review?.caseId === undefined ? '' : ` (case ${review.caseId})`;
  switch (review?.status) {
    case 'PENDING':
      return {
        kind: 'pending',
        detail: `in the sandbox; AWS reviews the request${where}`,
        mend: `wait: the first answer comes within a day, by mail and at ${caseUrl(review.caseId)}; it may be a question to answer there`,
      };
    case 'DENIED':
      return {
        kind: 'denied',
        detail: `in the sandbox; AWS has denied the request${where}`,
        mend: `reply to the case, which opens it again: ${caseUrl(review.caseId)}. Say what has changed, with the text of "mailctl production-access request --draft-file"; a second request by this way would be refused`,
      };
    case 'FAILED':
      return {
        kind: 'sandbox',
        detail: `in the sandbox; AWS could not take up the last request${where}`,
        mend: 'file it again: mailctl production-access request --website URL',
      };
    default:
      return {
        kind: 'sandbox',
        detail: 'in the sandbox: verified recipients alone, 200 a day, 1 a second',
        mend: 'mailctl production-access request --website URL',
      };
  }
}

const caseUrl = (caseId: string | undefined) =>
  caseId === undefined ? SUPPORT : `${SUPPORT}#/case/?displayId=${caseId}`;
