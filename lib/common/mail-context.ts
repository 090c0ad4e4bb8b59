/** Where the context of a CDK app, in cdk.json and on its command line, has the settings of the pipeline. */

/** The context object of cdk.json that holds the settings. */
export const MAIL_CONTEXT = 'mail';

/**
 * The settings that stand beside that object and override it, as `-c` does.
 *
 * The context of an app also holds what belongs to the CDK, always with a dash, colon or at sign in its name.
 * A plain word can only be meant for us; were `-c stgae=prod` let through, the wrong stage would be deployed.
 */
export function contextOverrides(context: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const prefix = `${MAIL_CONTEXT}.`;
  return Object.fromEntries(
    Object.entries(context).flatMap(([key, value]) => {
      if (key.startsWith(prefix)) return [[key.slice(prefix.length), value]];
      return key !== MAIL_CONTEXT && /^\w+$/.test(key) ? [[key, value]] : [];
    }),
  );
}
