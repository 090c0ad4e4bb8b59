import { RESEND_ENV } from './constants.ts';

/** What the stack tells the function about its surroundings. */
export type ResendEnv = Readonly<Record<keyof typeof RESEND_ENV, string>>;

/** @throws an Error that names every variable that is missing */
export function readResendEnv(env: Readonly<Record<string, string | undefined>>): ResendEnv {
  const missing = Object.values(RESEND_ENV).filter((name) => (env[name] ?? '') === '');
  if (missing.length > 0)
    throw new Error(`not set in the environment of the function: ${missing.join(', ')}`);
  const read = (name: keyof ResendEnv) => env[RESEND_ENV[name]] ?? '';
  return {
    queueUrl: read('queueUrl'),
    deadLetterQueueUrl: read('deadLetterQueueUrl'),
    payloadBucket: read('payloadBucket'),
    configurationSet: read('configurationSet'),
    fromDomain: read('fromDomain'),
  };
}
