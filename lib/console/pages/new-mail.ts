import { html } from 'hono/html';
import * as v from 'valibot';
import type { ConsolePage, Desk } from '../page.ts';
import type { LocalDesk } from '../sources/local.ts';
import { type Content, changeForm, deliveryLink, type Html, notice, plural, section } from '../view.ts';

const PATH = '/new-mail';

/** More than a person looks at, and less than a page waits for. */
const MAX_COUNT = 1_000;

/** Only what the form itself needs: what the pipeline makes of a wrong address is worth seeing. */
const formSchema = v.object({
  to: v.pipe(
    v.string(),
    v.transform((to) => to.split(',').map((one) => one.trim())),
    v.filterItems((one) => one !== ''),
    v.minLength(1, 'To needs an address'),
  ),
  subject: v.string(),
  text: v.string(),
  html: v.string(),
  urgent: v.optional(v.string()),
  tenant: v.pipe(v.string(), v.trim(), v.minLength(1, 'Tenant needs a name')),
  count: v.pipe(
    v.string(),
    v.transform(Number),
    v.check(
      (count) => Number.isInteger(count) && count >= 1 && count <= MAX_COUNT,
      `How many takes a whole number from 1 to ${MAX_COUNT}`,
    ),
  ),
});

type Entered = Readonly<Record<string, unknown>>;

const FIRST: Entered = {
  to: 'marie@example.org',
  subject: 'Your order',
  text: 'It is on its way.',
  html: '<p>It is <b>on its way</b>.</p>',
  tenant: 'shop-a',
  count: '1',
};

/** `/new-mail`: writes rows to the outbox, as the API does. */
export function newMailPage(local: LocalDesk): ConsolePage {
  return {
    path: PATH,
    title: 'New mail',
    register(app, desk) {
      app.get(PATH, (c) => {
        const written = c.req.queries('written') ?? [];
        const count = Number(c.req.query('count') ?? written.length);
        return desk.show(c, page(written.length === 0 ? '' : writtenNotice(written, count), FIRST, desk));
      });
      app.post(PATH, async (c) => {
        const entered = await c.req.parseBody();
        const parsed = v.safeParse(formSchema, entered);
        if (!parsed.success) {
          const problems = parsed.issues.map(({ message }) => message).join('; ');
          return desk.show(c, page(notice('bad', `Nothing was written. ${problems}.`), entered, desk), 400);
        }
        const { urgent, tenant, ...mail } = parsed.output;
        const ids = await local.write({ ...mail, isUrgent: urgent !== undefined, tenantId: tenant });
        const shown = ids.slice(0, MAX_SHOWN).map((id) => ['written', id] as [string, string]);
        return c.redirect(`${PATH}?${new URLSearchParams([...shown, ['count', String(ids.length)]])}`, 303);
      });
    },
  };
}

const MAX_SHOWN = 5;

function writtenNotice(ids: readonly string[], count: number): Html {
  const more = count - ids.length;
  return notice(
    'good',
    html`<p><strong>${plural(count, 'row')} written:</strong> ${ids.map(
      (id, index) => html`${index > 0 ? ', ' : ''}${deliveryLink(id)}`,
    )}${more > 0 ? ` and ${more} more` : ''}.</p>
<p>A mail that SMTP or SES accepts comes to the <a href="/inbox">inbox</a>.</p>`,
  );
}

function page(above: Content, entered: Entered, desk: Desk) {
  const value = (name: string) => (typeof entered[name] === 'string' ? entered[name] : '');
  const body = html`${above}
${section(
  'A row of the outbox',
  changeForm({
    action: PATH,
    formToken: desk.formToken,
    fields: [
      {
        name: 'to',
        label: 'To',
        value: value('to'),
        required: true,
        hint: 'Several with commas. If it goes out by SES, bounce@simulator.amazonses.com bounces and complaint@simulator.amazonses.com complains.',
      },
      { name: 'subject', label: 'Subject', value: value('subject') },
      { name: 'text', label: 'Text', kind: 'textarea', value: value('text') },
      { name: 'html', label: 'HTML', kind: 'textarea', value: value('html') },
      { name: 'tenant', label: 'Tenant', value: value('tenant'), required: true },
      {
        name: 'count',
        label: 'How many',
        kind: 'number',
        value: value('count'),
        hint: `Each is a delivery of its own; at most ${MAX_COUNT}.`,
      },
      {
        name: 'urgent',
        label: 'Urgent',
        kind: 'checkbox',
        value: value('urgent'),
        hint: 'Goes ahead of all others, such as a one-time code.',
      },
    ],
    submit: 'Write to the outbox',
  }),
)}`;
  return { title: 'New mail', path: PATH, body };
}
