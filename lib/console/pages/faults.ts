import { html } from 'hono/html';
import { groupBy } from '../../common/group-by.ts';
import type { ConsolePage, Desk } from '../page.ts';
import type { FaultSwitch, FaultSwitches, LocalDesk } from '../sources/local.ts';
import { badge, type Content, changeForm, type Html, notice, section, time, timeAndAge } from '../view.ts';

const PATH = '/faults';

/** How often the page shows what was switched elsewhere, and the age. */
const INTERVAL_MS = 1_000;

/** `/faults`: breaks the servers of this machine, and repairs them. */
export function faultsPage({ faults }: LocalDesk): ConsolePage {
  return {
    path: PATH,
    title: 'Faults',
    register(app, desk) {
      const switches = () => switchesPart(faults.list(), desk);
      desk.live.add('faults', { intervalMs: INTERVAL_MS, render: async () => ({ switches: switches() }) });
      app.get(PATH, (c) =>
        desk.show(c, {
          title: 'Faults',
          path: PATH,
          live: 'faults',
          body: html`<p class="lead">Break a server of this machine, <a href="/new-mail">send a mail</a>, and see in the <a href="/inbox">inbox</a> where it comes out. The keys of the terminal do the same.</p>
<div id="switches">${switches()}</div>`,
        }),
      );
      app.post(PATH, async (c) => {
        const { fault, to } = await c.req.parseBody();
        if (fault === 'all') await repairAll(faults);
        else if (typeof fault !== 'string' || !(await faults.set(fault, to === 'on')))
          return desk.show(
            c,
            { title: 'There is no such fault', path: PATH, body: notice('bad', 'Nothing was changed.') },
            400,
          );
        return c.redirect(PATH, 303);
      });
    },
  };
}

/**
 * What is broken on purpose, on every page: a person shall not look for the cause. Without its age, which a screen reader
 * would say each second.
 */
export function faultBanner(faults: FaultSwitches | undefined, now: Date): Content {
  const on = (faults?.list() ?? []).flatMap(({ since, ...fault }) =>
    since === undefined ? [] : [{ ...fault, since }],
  );
  if (on.length === 0) return '';
  return html`<p class="banner"><strong>Broken on purpose:</strong> ${on.map(
    ({ server, does, since }, index) =>
      html`${index > 0 ? '; ' : ''}${server} ${does}, since ${time(since, now)}`,
  )}. <a href="${PATH}">End the fault</a></p>`;
}

async function repairAll(faults: FaultSwitches): Promise<void> {
  for (const { id, since } of faults.list()) if (since !== undefined) await faults.set(id, false);
}

function switchesPart(faults: readonly FaultSwitch[], desk: Desk): Html {
  const servers = [...groupBy(faults, ({ server }) => server)];
  const isAnyOn = faults.some(({ since }) => since !== undefined);
  return html`${servers.map(([server, those]) =>
    section(server, html`<ul class="switches">${those.map((fault) => switchItem(fault, desk))}</ul>`),
  )}
<div class="repair-all">${
    isAnyOn &&
    changeForm({
      action: PATH,
      formToken: desk.formToken,
      hidden: { fault: 'all' },
      submit: 'Switch all off',
    })
  }</div>`;
}

function switchItem({ id, server, does, effect, key, since }: FaultSwitch, desk: Desk): Html {
  const isOn = since !== undefined;
  return html`<li id="fault-${id}" class="${isOn ? 'on' : ''}">
<div><p class="does"><strong>${does.charAt(0).toUpperCase()}${does.slice(1)}</strong> <span class="state">${
    isOn ? html`${badge('bad', 'on')} since ${timeAndAge(since, desk.clock.now())}` : badge('dim', 'off')
  }</span></p>
<p class="hint">${effect} Key <kbd>${key}</kbd></p></div>
${changeForm({
  action: PATH,
  formToken: desk.formToken,
  hidden: { fault: id, to: isOn ? 'off' : 'on' },
  submit: html`Switch ${isOn ? 'off' : 'on'} <span class="unseen">${server} ${does}</span>`,
})}</li>`;
}
