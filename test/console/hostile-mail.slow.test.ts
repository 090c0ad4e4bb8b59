import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compose, HOSTILE_ATTACHMENTS, hostileHtml, PIXEL } from './hostile-mail.ts';
import { type LocalConsole, startLocalConsole } from './local-console.ts';

const SUBJECT = 'Your order"><script>alert(1)</script>';

let local: LocalConsole;

beforeAll(async () => {
  local = await startLocalConsole();
  await local.deliver(
    await compose({
      subject: SUBJECT,
      text: '<script>alert(1)</script>',
      html: hostileHtml('http://192.0.2.1'),
      attachments: HOSTILE_ATTACHMENTS,
    }),
  );
}, 120_000);

afterAll(() => local.close());

describe('what a hostile mail brings', () => {
  it.each(['', '?view=html', '?view=text', '?view=headers', '?view=attachments', '?view=source'])(
    'is only text on the page of the mail%s',
    async (view) => {
      const page = await local.page(`/inbox/smtp-1${view}`);

      expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
      // The script of the console itself is a file.
      expect(page.match(/<script(?! src="\/assets\/)/g)).toBeNull();
      expect(page.match(/<\/iframe>/g)?.length ?? 0).toBe(page.match(/<iframe/g)?.length ?? 0);
    },
  );

  it('is only text in the list', async () => {
    const page = await local.page('/inbox');

    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page.match(/<script(?! src="\/assets\/)/g)).toBeNull();
  });

  it('is shown in a frame without any permission', async () => {
    const page = await local.page('/inbox/smtp-1?view=html');

    expect(page.match(/<iframe[^>]*>/g)).toEqual([
      expect.stringMatching(/ sandbox="" src="\/inbox\/smtp-1\/html" /),
    ]);
  });

  it('may neither run nor load anything in its frame', async () => {
    const response = await local.get('/inbox/smtp-1/html');

    const policy = (response.headers.get('content-security-policy') ?? '').split('; ');
    expect(policy).toEqual(
      expect.arrayContaining(['sandbox', "default-src 'none'", 'img-src data:', "form-action 'none'"]),
    );
    expect(policy.filter((directive) => /http|\*|script-src|'self'/.test(directive))).toEqual([
      "frame-ancestors 'self'",
    ]);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('x-dns-prefetch-control')).toBe('off');
  });

  it('has no element that its policy does not cover', async () => {
    const shown = await local.page('/inbox/smtp-1/html');

    expect(shown).toContain('Your order');
    expect(shown).not.toMatch(/<(link|meta|base(?! target="_blank">)|i?frame|object)/i);
  });

  it('shows the images that it brings', async () => {
    expect(await local.page('/inbox/smtp-1/html')).toContain(`src="data:image/png;base64,${PIXEL}"`);
  });
});

describe('a hostile attachment', () => {
  // The logo is the first.
  const cases = HOSTILE_ATTACHMENTS.map((attachment, index) => ({ ...attachment, number: index + 2 }));

  it.each(cases)('$number is a download without a type and a path', async ({ number, content }) => {
    const response = await local.get(`/inbox/smtp-1/attachments/${number}`);

    expect(await response.text()).toBe(content);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none'/);
    expect(response.headers.get('set-cookie')).toBeNull();
    const disposition = response.headers.get('content-disposition') ?? '';
    expect(disposition).toMatch(/^attachment; filename="[\w.-]+"; filename\*=UTF-8''[\w.%-]+$/);
    const [, encoded = ''] = /UTF-8''(.*)$/.exec(disposition) ?? [];
    expect(decodeURIComponent(encoded)).not.toMatch(/[/\\\p{Cc}\u202E]|^\./u);
  });

  it('named ../../x is saved as x', async () => {
    const response = await local.get('/inbox/smtp-1/attachments/2');

    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="x"; filename*=UTF-8''x`);
  });
});

describe('the source of a mail', () => {
  it('is downloaded as it was accepted', async () => {
    const response = await local.get('/inbox/smtp-1/source');

    expect(
      Buffer.from(await response.arrayBuffer()).equals(local.pipeline.smtp.mails[0]?.raw as Buffer),
    ).toBe(true);
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="smtp-1\.eml"/);
  });

  it('is there also if the mail cannot be parsed', async () => {
    const nested = Array.from(
      { length: 400 },
      (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`,
    );
    await local.deliver(`From: a@example.org\r\nSubject: Too deep\r\n${nested.join('')}\r\n`);

    const page = await local.page('/inbox/smtp-2');

    expect(page).toContain('boundary=b0');
    expect(await local.page('/inbox/smtp-2?view=html')).toContain('cannot be parsed');
  });
});
