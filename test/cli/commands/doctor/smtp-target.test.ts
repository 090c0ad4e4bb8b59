import { describe, expect, it } from '@jest/globals';
import { smtpTarget } from '../../../../lib/cli/commands/doctor/smtp-target.ts';

describe('the SMTP host that doctor probes', () => {
  it.each([
    ['mail-core\n', 'mail-core'],
    ['[::1]', '::1'],
  ])('is read as the worker reads it: %j', (given, host) => {
    expect(smtpTarget({}, { SMTP_HOST: given })).toMatchObject({ host, port: 587 });
    expect(smtpTarget({ smtpHost: given }, {})).toMatchObject({ host });
  });

  it.each(['smtp://mail-core:587', 'mail-core:587', '  '])('is refused with the fix: %j', (given) => {
    expect(() => smtpTarget({}, { SMTP_HOST: given })).toThrow(`SMTP_HOST = ${JSON.stringify(given)}`);
  });
});
