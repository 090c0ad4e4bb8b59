import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SettingsError } from '../../lib/common/config.ts';
import { Networks } from '../../lib/relay/networks.ts';
import { readRelaySettings, usersOf } from '../../lib/relay/settings.ts';
import { hashPassword, parseUsers, UserCheck } from '../../lib/relay/users.ts';

const ENV = {
  MAIL_DOMAIN: 'keybuzz.io',
  FALLBACK_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/fallback',
  PAYLOAD_BUCKET: 'keybuzz-payloads',
};
const TLS = { RELAY_TLS_CERT_FILE: '/tls.crt', RELAY_TLS_KEY_FILE: '/tls.key' };

describe('the settings of a relay', () => {
  it('are behind a mail server without a host, and in front with one', () => {
    expect(readRelaySettings(ENV)).toMatchObject({
      port: 2525,
      networks: ['127.0.0.0/8', '::1'],
      upstream: { port: 587 },
    });
    expect(readRelaySettings(ENV).upstream.host).toBeUndefined();
    expect(
      readRelaySettings({ ...ENV, RELAY_UPSTREAM_HOST: 'mail-core', RELAY_UPSTREAM_PORT: '465' }).upstream,
    ).toMatchObject({ host: 'mail-core', port: 465, secure: true });
  });

  it.each<[string, Record<string, string>]>([
    ['MAIL_DOMAIN', { MAIL_DOMAIN: '' }],
    ['RELAY_NETWORKS', { RELAY_NETWORKS: '0.0.0.0/0' }],
    ['RELAY_NETWORKS', { RELAY_NETWORKS: '::/0' }],
    ['RELAY_NETWORKS', { RELAY_NETWORKS: '10.0.0.0/33' }],
    ['RELAY_NETWORKS', { RELAY_NETWORKS: 'localhost' }],
    ['RELAY_USERS', { ...TLS, RELAY_USERS: 'shop:secret-1' }],
    ['RELAY_TLS_PORT', { RELAY_TLS_PORT: '465' }],
    ['RELAY_TLS_KEY_FILE', { RELAY_TLS_CERT_FILE: '/tls.crt' }],
    ['MAIL_ID_KEY', { MAIL_ID_KEY: 'secret-1' }],
    ['RELAY_UPSTREM_HOST', { RELAY_UPSTREM_HOST: 'secret-1' }],
  ])('name %s if it is wrong, and no secret', (name, wrong) => {
    const read = () => readRelaySettings({ ...ENV, ...wrong });
    expect(read).toThrow(SettingsError);
    expect(read).toThrow(name);
    expect(read).not.toThrow('secret-1');
  });

  it('want a certificate where there are users', async () => {
    const users = { RELAY_USERS: `shop:${await hashPassword('x')}` };
    expect(() => readRelaySettings({ ...ENV, ...users })).toThrow(
      'RELAY_USERS) = ***: it needs a certificate',
    );
    expect(usersOf(readRelaySettings({ ...ENV, ...users, ...TLS }))).toMatchObject([{ name: 'shop' }]);
  });

  it('read users from a file, too, and name a file that has none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    const usersFile = join(folder, 'users');
    writeFileSync(
      usersFile,
      `# programs\nshop:${await hashPassword('x')}\n\ncron:${await hashPassword('y')}\n`,
    );
    expect(usersOf({ usersFile }).map(({ name }) => name)).toEqual(['shop', 'cron']);
    writeFileSync(usersFile, 'shop:plain');
    expect(() => usersOf({ usersFile })).toThrow('RELAY_USERS_FILE');
    rmSync(folder, { recursive: true });
    expect(() => usersOf({ usersFile })).toThrow('RELAY_USERS_FILE');
  });
});

describe('networks', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['2001:db8::/32', '2001:db8:1::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['127.0.0.0/8', '', false],
    ['127.0.0.0/8', 'localhost', false],
  ])('%s has %s: %s', (network, address, has) => {
    expect(new Networks([network]).has(address)).toBe(has);
  });
});

describe('a password', () => {
  it('is right for its user alone, also from memory', async () => {
    const check = new UserCheck(
      parseUsers(`shop:${await hashPassword('one')} cron:${await hashPassword('two')}`) ?? [],
    );
    const tries = [
      ['shop', 'one', true],
      ['shop', 'one', true],
      ['shop', 'two', false],
      ['shop', '', false],
      ['cron', 'two', true],
      ['cron', 'one', false],
      ['root', 'one', false],
    ] as const;
    for (const [name, password, isRight] of tries) expect(await check.isRight(name, password)).toBe(isRight);
  });

  it('has another hash each time', async () => {
    expect(await hashPassword('x')).not.toBe(await hashPassword('x'));
  });

  it.each([
    'shop',
    'shop:',
    'shop:$scrypt$ln=30,r=8,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAA',
    ':$scrypt$',
    'a:b c:d',
  ])('is not read from %s', (text) => {
    expect(parseUsers(text)).toBeUndefined();
  });
});
