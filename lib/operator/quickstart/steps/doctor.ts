import { runDoctorCommand } from '../../doctor/doctor-command.ts';
import { EXIT } from '../../exit-code.ts';
import { done, open, type QuickstartStep, stopped } from '../quickstart-step.ts';

const CHECK_TIMEOUT_MS = 10_000;

export const DOCTOR: QuickstartStep = {
  name: 'doctor',
  explain: () => 'All checks once, before the first mail.',
  // What was well yesterday may not be today, and it takes seconds.
  isDone: async ({ commands }) =>
    open(
      'it is asked each time',
      `mend what it names as fail, then ${commands.mailctl('quickstart')}`,
      `or go on without: ${commands.mailctl('quickstart --skip doctor')}`,
    ),
  run: async (context, before) => {
    const { resolver, serverPort, mount, path } = context.options;
    const flags = {
      timeoutMs: CHECK_TIMEOUT_MS,
      serverPort,
      mount,
      ...(resolver === undefined ? {} : { resolver }),
      ...(path === undefined ? {} : { path }),
    };
    // Nothing is read from the input: no Secret of Kubernetes is compared here.
    const code = await runDoctorCommand({ ...context, terminal: context.aside }, flags, process.stdin);
    if (code === EXIT.failed) return stopped({ ...before, detail: 'something is broken' });
    return done(code === EXIT.ok ? 'all is well' : 'it works; look at the warnings');
  },
};
