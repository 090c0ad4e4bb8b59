import { setTimeout as sleep } from 'node:timers/promises';
import { type IdentityStanding, identityStanding } from '../identity-standing.ts';
import {
  done,
  type OpenStep,
  open,
  type QuickstartContext,
  type QuickstartStep,
  stopped,
} from '../quickstart-step.ts';

export const VERIFICATION: QuickstartStep = {
  name: 'verification',
  explain: () =>
    'SES looks for the records by itself: mostly within minutes, for 72 hours at most. Nothing can be sent before.',
  isDone: async (context) => standingOf(context, await identityStanding(context)),
  run: waitForSes,
};

async function waitForSes(context: QuickstartContext, before: OpenStep) {
  const { options, signal, terminal } = context;
  const { waitMs, pollMs } = options;
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  const bar = terminal.progress('SES looks for the records (seconds)', Math.ceil(waitMs / 1000));
  let told = before.detail;
  terminal.note(`Waiting for SES, ${minutes(waitMs)} at most: ${told}`);
  try {
    for (;;) {
      const identity = await identityStanding(context);
      const standing = standingOf(context, identity);
      if (standing.kind === 'done') return standing;
      if (standing.detail !== told) terminal.note(standing.detail);
      told = standing.detail;
      if (hasGivenUp(identity) || elapsedMs() >= waitMs) return stopped(standing);
      bar.set(Math.floor(elapsedMs() / 1000));
      await sleep(pollMs, undefined, { signal });
    }
  } finally {
    bar.stop();
  }
}

function standingOf({ commands }: QuickstartContext, identity: IdentityStanding) {
  const { domain, verification, mailFrom, verified } = identity;
  if (verified) return done(`${domain} is verified, its MAIL FROM domain is in use`);
  const detail = `${domain}: ${verification}, its MAIL FROM domain: ${mailFrom}`;
  // It has stopped looking, and has to be told to look again.
  if (hasGivenUp(identity)) {
    const again = commands.mailctl('doctor --only identity');
    return open(detail, `SES has given up looking; ${again} has the command that makes it look again`);
  }
  return open(detail, 'wait: SES looks again by itself, for 72 hours');
}

const hasGivenUp = ({ verification, mailFrom }: IdentityStanding) =>
  verification === 'FAILED' || mailFrom === 'FAILED';

const minutes = (ms: number) => `${Math.round(ms / 6_000) / 10} min`;
