/** What removes the cause of a dead letter, so that a redrive sends it; docs/api.md says what each cause means. */
const FIXES: Readonly<Record<string, string>> = {
  'too-large':
    'The sender put more than SQS takes into the message: let it store the content in S3. Drop it.',
  'not-json': 'No program that uses the contract writes this: find out who sends to the queue. Drop it.',
  'wrong-version': 'The sender is of another version: deploy the functions of that version, then redrive.',
  'wrong-schema':
    'The sender breaks the contract at the place that the detail names: fix it there and send the mail anew. Drop it.',
  corrupt: 'The content does not unpack: the sender must send it anew. Drop it.',
  'size-mismatch': 'The content is not of the size that was declared: the sender must send it anew. Drop it.',
  'hash-mismatch':
    'The payload in S3 was changed after it was handed over: the sender must send it anew. Drop it.',
  'payload-missing': 'The payload is not in the bucket: put it back under its key and redrive; else drop it.',
  'not-crlf':
    'The header section has line ends that are not CRLF: fix the sender and send the mail anew. Drop it.',
  'malformed-header':
    'The header section has a line that is no field: fix the sender and send the mail anew. Drop it.',
  'not-composable': 'The mail cannot be composed of its parts: fix the sender and send it anew. Drop it.',
  'ses-control-header':
    'The mail has a header that SES would obey (X-SES-…): take it out in the sender. Drop it.',
  'foreign-sender':
    'From or the envelope sender is of another domain: let the sender use an address of the mail domain, or deploy with that domain, then redrive.',
  'from-domain-case':
    'The domain in From must be in lower case: fix the sender and send the mail anew. Drop it.',
  'needs-smtputf8': 'SES does not send to a local part outside ASCII: only SMTP can. Drop it.',
  'id-conflict': 'SES may have other content under this id: a changed mail needs a new id. Drop it.',
  expired:
    'It was too late when it could be sent: redrive with more hours if it is still of use; else drop it.',
  'retention-ends': 'SQS would have deleted it a day later: once SES takes mail again, redrive it.',
  'refused-by-ses': 'SES refuses it every time, for the reason in the detail: fix the sender. Drop it.',
  'invalid-for-ses': 'SES refuses this recipient or mail every time, for the reason in the detail. Drop it.',
  'rejected-by-ses': 'SES refuses this mail every time, for the reason in the detail. Drop it.',
  'too-large-for-ses': 'The mail is larger than SES takes. Drop it.',
  'too-many-receives':
    'The function failed on it a thousand times: its log says why. Fix that, then redrive.',
  'not-said': 'The log of the resend function has the cause, by the delivery ID.',
};

/** In plain words, for the operator. */
export function fixForCause(cause: string): string {
  return Object.hasOwn(FIXES, cause) ? (FIXES[cause] ?? ELSE) : ELSE;
}

const ELSE = 'The detail says why. Fix that, redrive one, then the rest.';
