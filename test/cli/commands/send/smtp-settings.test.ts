import { describe, expect, it } from '@jest/globals';
import { smtpSettingsOf } from '../../../../lib/cli/commands/send/send-directly.ts';

describe('the settings of mailctl send --by smtp', () => {
  it('refuse a misspelt variable, as the worker does', () => {
    expect(() => smtpSettingsOf({ SMTP_HOST: 'mail-core', SMTP_PASS: 'hidden-1' })).toThrow(
      'SMTP_PASS is no setting: SMTP_PASSWORD was probably meant',
    );
  });

  it('let a variable of another program pass that is listed as one', () => {
    const env = { SMTP_HOST: 'mail-core', SMTP_FROM: 'a@keybuzz.io', MAIL_IGNORED_VARIABLES: 'SMTP_FROM' };

    expect(smtpSettingsOf(env).host).toBe('mail-core');
  });
});
