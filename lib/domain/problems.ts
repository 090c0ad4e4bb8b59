import type { BaseIssue, IssuePathItem } from 'valibot';
import { maskAddress } from './address.ts';

/** A rule that a field broke. Contains no whole address and no content of a mail. */
export interface Problem {
  /** `envelope.to.1`; `message` for the whole. */
  readonly path: string;
  /** What stands there, masked; undefined if nothing does, or if it tells nothing. */
  readonly value?: string;
  readonly rule: string;
}

const MISSING = 'is missing';

/** A hostile message can break hundreds of thousands of rules. */
const MAX_PROBLEMS = 20;

/** There is little room where a sentence is shown, and the first few are enough. */
const MAX_DESCRIBED = 5;

/** What the caller calls the fields at the top, if not as the schema does. */
export type FieldNames = Readonly<Record<string, string>>;

/** Which fields broke which rules. */
export function problemsIn(issues: readonly BaseIssue<unknown>[], names: FieldNames = {}): Problem[] {
  return issues.slice(0, MAX_PROBLEMS).map((issue) => toProblem(issue, names));
}

/** As one sentence: `id is missing; envelope.to.1 (m***@exa..mple): a bare address such as marie@example.org`. */
export function describeProblems(problems: readonly Problem[]): string {
  return problems.slice(0, MAX_DESCRIBED).map(describeProblem).join('; ');
}

export function describeProblem({ path, value, rule }: Problem): string {
  if (rule === MISSING) return `${path} ${rule}`;
  return value === undefined ? `${path}: ${rule}` : `${path} (${value}): ${rule}`;
}

/** {@link problemsIn} as one sentence. */
export function describeIssues(issues: readonly BaseIssue<unknown>[], names: FieldNames = {}): string {
  return describeProblems(problemsIn(issues.slice(0, MAX_DESCRIBED), names));
}

function toProblem(issue: BaseIssue<unknown>, names: FieldNames): Problem {
  const [first, ...rest] = issue.path?.map(nameOf) ?? ['message'];
  const top = first ?? 'message';
  const path = [Object.hasOwn(names, top) ? names[top] : top, ...rest].join('.');
  if (issue.path !== undefined && issue.kind === 'schema' && issue.input === undefined)
    return { path, rule: MISSING };
  if (issue.type === 'strict_object' && issue.expected === 'never') return { path, rule: issue.message };
  const value = shownValue(issue);
  return { path, rule: ruleOf(issue), ...(value === undefined ? {} : { value }) };
}

/** The library's own messages quote the value, which may be an address or a body; ours name only the rule. */
function ruleOf({ kind, message, expected }: BaseIssue<unknown>): string {
  if (kind === 'validation') return message;
  return `expected ${message.startsWith('Invalid ') ? (expected ?? 'another value') : message}`;
}

/** Record keys come from the sender too: show a tag or header name only if it is a plain word. */
function nameOf(item: IssuePathItem): string {
  const name = String(item.key);
  return /^[A-Za-z0-9_-]{1,40}$/.test(name) ? name : '*';
}

/** In these, a number is nothing that anybody wrote to a person. */
const NUMERIC = new Set(['literal', 'integer', 'min_value', 'max_value']);

function shownValue({ input, kind, type, message }: BaseIssue<unknown>): string | undefined {
  switch (typeof input) {
    case 'string':
      return message.includes('ISO 8601') && /^[0-9TZ:.+ -]{1,40}$/.test(input) ? input : maskText(input);
    case 'number':
      return NUMERIC.has(type) ? String(input) : 'a number';
    case 'object':
      if (input === null) return 'null';
      if (Array.isArray(input)) return input.length === 0 ? 'an empty list' : `a list of ${input.length}`;
      return kind === 'schema' ? 'an object' : undefined;
    default:
      return String(input);
  }
}

/** What shows which of several values is meant, and where it went wrong. */
function maskText(text: string): string {
  if (text === '') return 'empty';
  if (!text.includes('@')) return text.length === 1 ? '1 character' : `${text.length} characters`;
  const address = text.trim().replace(/>$/, '');
  return /@[\p{L}\p{M}\p{N}.-]{1,255}$/u.test(address) && /^[!-~]/.test(address)
    ? maskAddress(address)
    : `***@*** of ${text.length} characters`;
}
