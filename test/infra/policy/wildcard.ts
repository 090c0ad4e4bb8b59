/** What an `Action` or a `Resource` element covers: what matches one of its patterns, or, with `Not`, what matches none. */
export interface Coverage {
  readonly isExcept: boolean;
  readonly patterns: readonly string[];
}

const compiled = new Map<string, RegExp>();

/**
 * Whether a text matches a pattern in which `*` stands for any characters, and `?` for one. Here `*` goes past the
 * colons of an ARN, which IAM does at the end of a segment: a pattern is rather taken for too wide than for too narrow.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
 */
export function matchesPattern(pattern: string, text: string): boolean {
  refuseVariables(pattern);
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    const source = pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    expression = new RegExp(`^${source}$`, 's');
    compiled.set(pattern, expression);
  }
  return expression.test(text);
}

export function coversResource({ isExcept, patterns }: Coverage, arn: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, arn)) !== isExcept;
}

/** Upper and lower case make no difference in the names of actions. */
export function coversAction({ isExcept, patterns }: Coverage, action: string): boolean {
  const name = action.toLowerCase();
  return patterns.some((pattern) => matchesPattern(pattern.toLowerCase(), name)) !== isExcept;
}

/** `${aws:username}` and the like depend on who asks; no policy here needs them. */
export function refuseVariables(text: string): void {
  if (text.includes('${')) throw new Error(`a policy variable, which is not understood here: ${text}`);
}
