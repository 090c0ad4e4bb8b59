import type { SmtpProbe } from '../../../../adapters/smtp/probe-smtp.ts';
import type { RelayTarget } from '../../../lookups/relay-target.ts';
import { type Check, type CheckResult, fail, ok, skipped, warn } from '../check.ts';

/** The SMTP relay, probed from this machine. */
export const RELAY_CHECK: Check = {
  group: 'relay',
  name: 'host',
  run: async ({ lookups, relay }) => {
    const probe = await lookups.relay();
    if (probe === undefined || relay === undefined)
      return skipped('no relay was given: --relay, or MAIL_RELAY');
    return judgeRelay(probe, relay);
  },
};

function judgeRelay(probe: SmtpProbe, { host, port }: RelayTarget): CheckResult {
  const where = `${host}:${port}`;
  switch (probe.kind) {
    case 'unreachable':
      return fail(
        `${where} cannot be reached: ${probe.code}`,
        'start smtp-relay there, or let its port be reached from here',
      );
    case 'silent':
      return fail(
        `${where} gives no answer to the ${probe.at}`,
        `look into the log of smtp-relay on ${host}`,
      );
    case 'refused':
      return /^(?:421|554) /.test(probe.reply)
        ? warn(
            `${where} does not let this machine in: ${probe.reply}`,
            'set RELAY_NETWORKS or RELAY_USERS of the relay',
          )
        : fail(
            `${where} answers the ${probe.at} with: ${probe.reply}`,
            `look into the log of smtp-relay on ${host}`,
          );
    case 'tls-failed':
      return fail(
        `${where}: the TLS handshake fails: ${probe.reason}`,
        'set RELAY_TLS_CERT_FILE and RELAY_TLS_KEY_FILE right',
      );
    case 'plain':
      return ok(`${where} greets and answers EHLO, without TLS`);
    case 'tls':
      return ok(`${where} greets and answers EHLO, with STARTTLS`);
  }
}
