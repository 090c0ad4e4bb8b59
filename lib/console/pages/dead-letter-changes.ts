import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import type { Desk } from '../page.ts';
import type {
  DeadLetterCause,
  DeadLetterChoice,
  DeadLetterDesk,
  DeadLetterOutcome,
  DeadLetterPlan,
} from '../sources/dead-letters.ts';
import {
  type Content,
  changeForm,
  count,
  empty,
  type Field,
  type Html,
  notice,
  plural,
  section,
  table,
  timeAndAge,
} from '../view.ts';
import { readOnly } from './jobs.ts';

export const DEAD_LETTERS_PATH = '/dead-letters';

/** Shown plans, of which the operator may confirm one. */
const MAX_PLANS = 50;

interface Changing {
  readonly desk: Desk;
  readonly reader: DeadLetterDesk;
  readonly plans: Plans;
}

/** Plans that were shown: what the operator confirms is exactly that, whatever has come since. */
class Plans {
  readonly #plans = new Map<string, DeadLetterPlan>();
  #last = 0;

  add(plan: DeadLetterPlan): string {
    this.#last += 1;
    const id = String(this.#last);
    this.#plans.set(id, plan);
    for (const known of this.#plans.keys()) if (this.#plans.size > MAX_PLANS) this.#plans.delete(known);
    return id;
  }

  take(id: unknown): DeadLetterPlan | undefined {
    if (typeof id !== 'string') return undefined;
    const plan = this.#plans.get(id);
    this.#plans.delete(id);
    return plan;
  }
}

function choiceIn(c: Context): DeadLetterChoice {
  const { cause, id } = c.req.query();
  if (cause !== undefined) return { by: 'cause', cause };
  return id === undefined ? { by: 'all' } : { by: 'id', id };
}

async function previewRedrive(c: Context, { desk, reader, plans }: Changing): Promise<Response> {
  if (!desk.allowChanges) return refused(c, desk);
  const hours = Number(c.req.query('hours') ?? '');
  const extendHours = Number.isInteger(hours) && hours > 0 && hours < 1_000 ? hours : undefined;
  const choice = choiceIn(c);
  const plan = await reader.planRedrive({ choice, extendHours }, c.req.raw.signal);
  const expired = plan.staying.some(({ why }) => why.startsWith('expired'));
  const more =
    expired &&
    html`<form class="search" method="get" action="${DEAD_LETTERS_PATH}/redrive">
${Object.entries(c.req.query())
  .filter(([name]) => name !== 'hours')
  .map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<div class="field"><label for="field-hours">Give expired mail so many hours more</label><input id="field-hours" name="hours" type="number" min="1" max="999" value="24"></div>
<button type="submit">Preview again</button></form>`;
  return preview(c, desk, plan, plans, {
    title: 'Redrive dead letters',
    does: html`${plural(plan.count, 'letter goes', 'letters go')} back to the queue of ${plan.count === 1 ? 'its' : 'their'} priority, ten a second, and ${plan.count === 1 ? 'is' : 'are'} sent by SES. Each is deleted here only after the queue has confirmed its copy; the ledger keeps it from being sent twice.${extendHours === undefined ? '' : ` Expired mail lives ${extendHours} hours more.`}`,
    more,
    action: `${DEAD_LETTERS_PATH}/redrive`,
    submit: `Redrive ${plural(plan.count, 'letter')}`,
  });
}

async function previewDrop(c: Context, { desk, reader, plans }: Changing): Promise<Response> {
  if (!desk.allowChanges) return refused(c, desk);
  const plan = await reader.planDrop(choiceIn(c), c.req.raw.signal);
  return preview(c, desk, plan, plans, {
    title: 'Drop dead letters',
    does: html`${plural(plan.count, 'letter is', 'letters are')} deleted for good and never sent. A record without addresses and content is kept in a file.`,
    action: `${DEAD_LETTERS_PATH}/drop`,
    submit: `Drop ${plural(plan.count, 'letter')} for good`,
    danger: true,
    fields: [
      {
        name: 'because',
        label: 'Why they are not needed',
        required: true,
        hint: 'It goes into the record of what was dropped.',
      },
    ],
  });
}

interface Preview {
  readonly title: string;
  readonly does: Html;
  readonly more?: Content;
  readonly action: string;
  readonly submit: string;
  readonly danger?: boolean;
  readonly fields?: readonly Field[];
}

function preview(
  c: Context,
  desk: Desk,
  plan: DeadLetterPlan,
  plans: Plans,
  shown: Preview,
): Promise<Response> {
  const { title, does, more, action, submit, danger = false, fields = [] } = shown;
  const staying = plan.staying.map(
    ({ count: left, why }) => html`<li>${plural(left, 'letter stays', 'letters stay')}: ${why}</li>`,
  );
  const now = desk.clock.now();
  const body =
    plan.count === 0
      ? html`${empty('There is nothing to do', 'None of the letters can be processed so.')}<ul>${staying}</ul>${more}`
      : html`<p>${does}</p>${staying.length > 0 && html`<ul>${staying}</ul>`}${more}
${section('What it is', causeTable(plan.causes, now), 'plan')}
${changeForm({ action, formToken: desk.formToken, hidden: { plan: plans.add(plan) }, fields, submit, danger, cancel: DEAD_LETTERS_PATH })}`;
  return desk.show(c, { title, path: DEAD_LETTERS_PATH, body });
}

function causeTable(causes: readonly DeadLetterCause[], now: Date): Html {
  return table(
    'By cause',
    [
      { title: 'Cause' },
      { title: 'Letters', kind: 'number' },
      { title: 'Oldest' },
      { title: 'For example', kind: 'wide' },
    ],
    causes.map(({ cause, count: letters, oldest, example }) => [
      cause,
      count(letters),
      timeAndAge(oldest, now),
      example,
    ]),
  );
}

/**
 * Redrive and drop: a preview, a confirmation, and the change itself as a job. `onChanged` is called when it has ended.
 */
export function registerDeadLetterChanges(
  app: Hono,
  desk: Desk,
  reader: DeadLetterDesk,
  onChanged: () => void,
): void {
  const changing: Changing = { desk, reader, plans: new Plans() };
  const { plans } = changing;
  app.get(`${DEAD_LETTERS_PATH}/redrive`, (c) => previewRedrive(c, changing));
  app.get(`${DEAD_LETTERS_PATH}/drop`, (c) => previewDrop(c, changing));
  const change = async (c: Context, title: string, done: string, needsReason: boolean) => {
    if (!desk.allowChanges) return refused(c, desk);
    const form = await c.req.parseBody();
    const because = typeof form.because === 'string' ? form.because.trim() : '';
    if (needsReason && because === '')
      return desk.show(
        c,
        {
          title,
          path: DEAD_LETTERS_PATH,
          body: notice(
            'warn',
            html`<p>Nothing was changed: say why they are not needed. Go back and fill it in.</p>`,
          ),
        },
        400,
      );
    const plan = plans.take(form.plan);
    if (plan === undefined)
      return desk.show(
        c,
        {
          title,
          path: DEAD_LETTERS_PATH,
          body: notice(
            'info',
            html`<p>Nothing was changed: that preview is used already, or too old. <a href="${DEAD_LETTERS_PATH}">Look again</a></p>`,
          ),
        },
        409,
      );
    const job = desk.jobs.start({
      title,
      back: DEAD_LETTERS_PATH,
      run: async (signal, onProgress) => {
        try {
          return outcomePart(await plan.run({ signal, onProgress }, because), plan.count, done);
        } finally {
          onChanged();
        }
      },
    });
    return c.redirect(`/jobs/${job.id}`, 303);
  };
  app.post(`${DEAD_LETTERS_PATH}/redrive`, (c) =>
    change(c, 'Redrive dead letters', 'moved to the fallback queue', false),
  );
  app.post(`${DEAD_LETTERS_PATH}/drop`, (c) => change(c, 'Drop dead letters', 'dropped', true));
}

function outcomePart({ done, left, record }: DeadLetterOutcome, planned: number, what: string): Html {
  return html`${notice(done === planned ? 'good' : 'warn', html`<p><strong>${plural(done, 'letter')} ${what}.</strong></p>${left.map((line) => html`<p>${line}</p>`)}`)}${
    record !== undefined && html`<p>The record is in <code>${record}</code>.</p>`
  }`;
}

function refused(c: Context, desk: Desk): Promise<Response> {
  return desk.show(c, { title: 'Read-only', path: DEAD_LETTERS_PATH, body: readOnly('mailctl dlq') }, 403);
}
