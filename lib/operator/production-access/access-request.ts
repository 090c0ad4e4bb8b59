import * as v from 'valibot';
import { addressSchema } from '../../message/envelope.ts';
import { OperatorError } from '../operator-error.ts';
import { MAX_USE_CASE_CHARACTERS } from './draft-use-case.ts';

export const LANGUAGES = ['EN', 'JA'] as const;

/** Reviewers look at the site: it is a public one. */
export const websiteSchema = v.pipe(
  v.string(),
  v.maxLength(1000, 'at most 1000 characters'),
  v.url('a URL such as https://keybuzz.io'),
  v.check(
    (text) => isPublicSite(text),
    'a public site, http:// or https:// and a domain, such as https://keybuzz.io',
  ),
);

export const contactSchema = v.pipe(
  addressSchema,
  v.minLength(6, 'at least 6 characters'),
  v.maxLength(254, 'at most 254 characters'),
);

const useCaseSchema = v.pipe(
  v.string(),
  v.check((text) => text.trim() !== '', 'some text'),
  v.maxLength(
    MAX_USE_CASE_CHARACTERS,
    (issue) => `at most ${MAX_USE_CASE_CHARACTERS} characters, it has ${issue.received}`,
  ),
  v.regex(/^(?:[^\p{Cc}\ufffd]|[\t\n\r])*$/u, 'text in UTF-8 without control characters'),
);

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutAccountDetails.html */
const requestSchema = v.object({
  website: websiteSchema,
  language: v.picklist(LANGUAGES, LANGUAGES.join(' or ')),
  contacts: v.pipe(v.array(contactSchema), v.maxLength(4, 'at most 4 addresses')),
  useCase: useCaseSchema,
});

export type AccessRequest = v.InferOutput<typeof requestSchema>;

/** @throws {@link OperatorError} that names all that SES would refuse */
export function parseAccessRequest(request: v.InferInput<typeof requestSchema>): AccessRequest {
  const parsed = v.safeParse(requestSchema, request, { abortPipeEarly: true });
  if (parsed.success) return parsed.output;
  const problems = parsed.issues.map((issue) => `${v.getDotPath(issue)}: allowed is ${issue.message}`);
  throw new OperatorError('WRONG_REQUEST', problems.join('; '), 'put it right and run it again');
}

function isPublicSite(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username } = new URL(text);
  return (
    /^https?:$/.test(protocol) && username === '' && /^[^.]+(\.[^.]+)*\.[a-z][a-z0-9-]+$/i.test(hostname)
  );
}
