import * as v from 'valibot';

/** Describes what a schema accepts; the error for an invalid value contains this text. */
export function allowed<Input>(text: string): v.MetadataAction<Input, { readonly allowed: string }> {
  return v.metadata({ allowed: text });
}

export const text = v.pipe(v.string(), v.nonEmpty(), allowed('any text'));

export const url = v.pipe(v.string(), v.url(), allowed('a URL'));

export const flag = v.pipe(v.boolean(), allowed('true or false'));

export const region = matching(/^[a-z]{2}(-[a-z]+)+-\d$/, 'an AWS Region such as eu-west-1');

/** The front of all names of a deployment. */
export const projectName = matching(
  /^[a-z][a-z0-9-]{0,19}$/,
  '1 to 20 lower-case letters, digits and dashes, a letter first',
);

export const tableName = matching(/^[A-Za-z0-9_.-]{3,255}$/, 'the name of a DynamoDB table');

export const port = integer(1, 65_535);

export function integer(min: number, max: number) {
  return v.pipe(
    v.number(),
    v.integer(),
    v.minValue(min),
    v.maxValue(max),
    allowed(`a whole number from ${min} to ${max}`),
  );
}

export function matching(pattern: RegExp, what: string) {
  return v.pipe(v.string(), v.regex(pattern), allowed(what));
}

export function oneOf<const Options extends readonly (string | number)[]>(options: Options) {
  return v.pipe(v.picklist(options), allowed(`one of ${options.join(', ')}`));
}

/** One label of a domain name in lower case. */
export const DOMAIN_LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

export const domainName = v.pipe(
  v.string(),
  v.maxLength(253),
  v.regex(new RegExp(`^(${DOMAIN_LABEL}\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`)),
  allowed('a domain name in lower case, such as keybuzz.io'),
);
