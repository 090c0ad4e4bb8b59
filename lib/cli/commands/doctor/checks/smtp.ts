import type { SeenCertificate, SmtpProbe } from '../../../../adapters/smtp/probe-smtp.ts';
import { DAY_MS } from '../../../../common/time.ts';
import { type Check, type CheckResult, fail, ok, skipped, warn } from '../check.ts';
import type { SmtpTarget } from '../smtp-target.ts';

const EXPIRES_SOON_DAYS = 21;

/** The API's own mail server, probed from this machine. */
export const SMTP_CHECKS: readonly Check[] = [
  smtpCheck('host', judgeHost),
  smtpCheck('starttls', judgeTls),
  smtpCheck('certificate', judgeCertificate),
];

type Judge = (probe: SmtpProbe, target: SmtpTarget, now: Date) => CheckResult;

function smtpCheck(name: string, judge: Judge): Check {
  return {
    group: 'smtp',
    name,
    run: async ({ lookups, smtp, now }) => {
      const probe = await lookups.smtp();
      if (probe === undefined || smtp === undefined) {
        return skipped('no host was given: --smtp-host, or SMTP_HOST');
      }
      return judge(probe, smtp, now);
    },
  };
}

function judgeHost(probe: SmtpProbe, { host, port }: SmtpTarget): CheckResult {
  const where = `${host}:${port}`;
  switch (probe.kind) {
    case 'unreachable':
      return fail(`${where} cannot be reached: ${probe.code}`, reachFix(probe.code, host, port));
    case 'silent':
      return probe.at === 'STARTTLS'
        ? ok(`${where} greets and answers EHLO`)
        : fail(`${where} takes the connection and gives no answer to the ${probe.at}`, restart(host));
    case 'refused':
      return probe.at === 'STARTTLS'
        ? ok(`${where} greets and answers EHLO`)
        : fail(`${where} answers the ${probe.at} with: ${probe.reply}`, `look into the mail log of ${host}`);
    default:
      return ok(`${where} greets and answers EHLO`);
  }
}

function reachFix(code: string, host: string, port: number): string {
  if (code === 'ECONNREFUSED')
    return `start it: systemctl start postfix on ${host}; or set SMTP_HOST and SMTP_PORT right`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'set SMTP_HOST to a name that the DNS here knows';
  return `let TCP port ${port} of ${host} be reached from here: nc -vz ${host} ${port}`;
}

const restart = (host: string) => `systemctl restart postfix on ${host}, and look into its mail log`;

function judgeTls(probe: SmtpProbe, { host, requireTls, implicitTls }: SmtpTarget): CheckResult {
  const chain = `postconf -e smtpd_tls_security_level=may smtpd_tls_chain_files=PEM && postfix reload on ${host}`;
  switch (probe.kind) {
    case 'plain':
      return requireTls
        ? fail('STARTTLS is not offered, and SMTP_REQUIRE_TLS is set', chain)
        : warn('STARTTLS is not offered: mail and password go in the clear', chain);
    case 'tls':
      return ok(`${implicitTls ? 'TLS from the first byte' : 'STARTTLS'}, ${probe.protocol}`);
    case 'tls-failed': {
      const text = `the TLS handshake fails: ${probe.reason}`;
      return fail(text, implicitTls ? 'set SMTP_SECURE=false where the port speaks STARTTLS' : restart(host));
    }
    case 'silent':
    case 'refused':
      if (probe.at !== 'STARTTLS') break;
      return fail(
        probe.kind === 'refused' ? `STARTTLS is answered with: ${probe.reply}` : 'STARTTLS gets no answer',
        `${chain}, with a PEM that its user can read`,
      );
  }
  return skipped('the conversation did not get that far: see smtp host');
}

function judgeCertificate(probe: SmtpProbe, target: SmtpTarget, now: Date): CheckResult {
  if (probe.kind !== 'tls') return skipped('no certificate was shown');
  const { certificate } = probe;
  // With SMTP_TLS_REJECT_UNAUTHORIZED=false the worker still sends, but a man in the middle could intercept
  // it.
  const report = target.rejectUnauthorized ? fail : warn;
  const renew = `certbot certonly --standalone -d ${target.host}, then postconf -e smtpd_tls_chain_files=PEM && postfix reload`;
  const days = Math.floor((certificate.notAfter.getTime() - now.getTime()) / DAY_MS);
  const until = certificate.notAfter.toISOString().slice(0, 10);
  if (days < 0) return report(`it has expired on ${until}`, `${renew} on ${target.host}`);
  if (!certificate.fitsHost) {
    const use = `set SMTP_HOST to a name that it is for, or ${renew}`;
    return report(`it is for ${certificate.names.join(', ') || 'no name'}, not for ${target.host}`, use);
  }
  if (certificate.trust !== 'trusted')
    return report(trustText(certificate), `${renew}; or trust it by SMTP_TLS_CA`);
  const text = `for ${certificate.names.join(', ')}, until ${until}, ${days} days`;
  return days < EXPIRES_SOON_DAYS
    ? warn(`it expires soon: ${text}`, 'certbot renew && postfix reload')
    : ok(text);
}

const trustText = ({ trust }: SeenCertificate) =>
  trust === 'self-signed' ? 'it is self-signed' : 'no certificate authority trusted here has signed it';
