import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { Job } from '../jobs.ts';
import type { Desk } from '../page.ts';
import { count, type Html, missing, notice } from '../view.ts';

const INTERVAL_MS = 300;

/** `/jobs/:id`: the progress of a change. It has no entry in the navigation. */
export function registerJobs(app: Hono, desk: Desk): void {
  desk.live.add('job', {
    intervalMs: INTERVAL_MS,
    render: async (_signal, id): Promise<Record<string, Html>> => {
      const job = desk.jobs.find(id);
      return job === undefined ? {} : { job: progress(job, desk) };
    },
  });
  app.get('/jobs/:id', (c) => {
    const job = desk.jobs.find(c.req.param('id'));
    if (job === undefined) return c.notFound();
    const isRunning = job.state.kind === 'running';
    return desk.show(c, {
      title: job.title,
      path: job.back,
      live: `job/${job.id}`,
      isUnfinished: isRunning,
      body: html`<section aria-label="Progress"><div id="job" role="status" class="part">${progress(job, desk)}</div></section>`,
    });
  });
  app.post('/jobs/:id/stop', (c) => {
    const id = c.req.param('id');
    desk.jobs.find(id)?.stop();
    return c.redirect(`/jobs/${encodeURIComponent(id)}`, 303);
  });
}

function progress({ id, state, done, total, back }: Job, { describe, formToken }: Desk): Html {
  switch (state.kind) {
    case 'running':
      return html`<p>${count(done)} of ${total === 0 ? '…' : count(total)} done. It goes on if you close this page.</p>
<progress aria-label="Progress" max="${Math.max(total, 1)}" value="${done}"></progress>
<form method="post" action="/jobs/${id}/stop"><input type="hidden" name="form-token" value="${formToken}"><p class="buttons"><button type="submit">Stop</button></p></form>`;
    case 'done':
      return html`${state.result}<p class="buttons"><a class="button" href="${back}">Back</a></p>`;
    case 'failed':
      return html`${missing('It failed', describe(state.error))}<p class="buttons"><a class="button" href="${back}">Back</a></p>`;
  }
}

/** Says that the console was started read-only, and how to start it otherwise. */
export function readOnly(command: string): Html {
  return notice(
    'info',
    html`<p>This console changes nothing. Start it with <code>--allow-changes</code>, or use <code>${command}</code>.</p>`,
  );
}
