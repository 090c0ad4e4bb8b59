import { html } from 'hono/html';
import { withTimeout } from '../../common/async.ts';
import { groupBy } from '../../common/group-by.ts';
import { duration } from '../../common/time.ts';
import { flowOf, rate } from '../flow.ts';
import { flowPicture } from '../flow-picture.ts';
import { type Broken, headlineOf } from '../headline.ts';
import { Latest } from '../latest.ts';
import type { Parts } from '../live.ts';
import { type ConsolePage, type Desk, registerMissing } from '../page.ts';
import type { AlarmNow, OverviewSnapshot, WaitingDelivery } from '../sources/overview.ts';
import type { Missing } from '../sources/reading.ts';
import {
  badge,
  type Content,
  count,
  definitions,
  deliveryLink,
  empty,
  type Html,
  loading,
  missing,
  plural,
  section,
  timeAndAge,
} from '../view.ts';

/** How often the places are read while the page is open. */
const INTERVAL_MS = 2_000;

/** A page shows at once what was read last; it waits no longer for the first reading. */
const FIRST_LOOK_MS = 120;

/** `/`: whether mail flows, what broke, since when, and whether any is lost. */
export const overviewPage: ConsolePage = {
  path: '/',
  title: 'Overview',
  register(app, desk) {
    const { overview } = desk.sources;
    if (overview.kind === 'missing')
      return registerMissing(app, desk, this, 'The overview cannot be shown', overview);
    const latest = new Latest((signal) => overview.reader.read(signal), desk.clock, INTERVAL_MS * 0.9);
    desk.live.add('overview', {
      intervalMs: INTERVAL_MS,
      render: async () => partsOf(await latest.read(), desk),
    });
    app.get('/', async (c) => {
      const first = await withTimeout(latest.read(), FIRST_LOOK_MS);
      const parts = first.kind === 'done' ? partsOf(first.value, desk) : LOADING;
      return desk.show(c, {
        title: 'Overview',
        path: '/',
        live: 'overview',
        isUnfinished: first.kind !== 'done',
        charts: true,
        body: html`<div id="headline" class="part">${parts.headline}</div>
${section('The flow of mail in the last 24 hours', parts.flow, 'flow')}
<div class="columns">${section('Rate and backlog', parts.rate, 'rate')}
${section('Alarms', parts.alarms, 'alarms')}</div>
${section('The last hours', html`<div id="charts" data-charts="/charts.json">${loading('Reading the last hours')}</div>`, 'history')}
<div id="missing-sources" class="part">${parts['missing-sources']}</div>`,
      });
    });
    app.get('/charts.json', async (c) => c.json(await overview.reader.charts(c.req.raw.signal)));
  },
};

const LOADING = {
  headline: loading('Reading the queues, the outbox and SES'),
  flow: loading('Reading'),
  rate: loading('Reading'),
  alarms: loading('Reading'),
  'missing-sources': '',
};

type OverviewParts = Readonly<Record<keyof typeof LOADING, Content>> & Parts;

function partsOf(snapshot: OverviewSnapshot, desk: Desk): OverviewParts {
  return {
    headline: headlinePart(snapshot),
    flow: flowPicture(flowOf(snapshot)),
    rate: ratePart(snapshot),
    alarms: alarmsPart(snapshot, desk.sources.deployment.kind === 'local'),
    'missing-sources': missingSources(snapshot),
  };
}

function headlinePart(snapshot: OverviewSnapshot): Html {
  const { tone, title, broke, loss } = headlineOf(snapshot);
  return html`<div class="headline ${tone}">
<p class="verdict">${title}</p>
${broke.map((one) => brokenLine(one, snapshot.at))}
<p class="loss"><span class="${loss.tone}">${loss.lost}</span> ${
    loss.person === 0
      ? loss.tone === 'good' && 'No mail needs a person.'
      : html`<a class="person" href="/dead-letters">${plural(loss.person, 'mail needs', 'mails need')} a person</a>: not sent, kept with the reason.`
  }</p>
</div>`;
}

function brokenLine({ what, class: failureClass, why, since, meanwhile, runbook }: Broken, now: Date): Html {
  return html`<p class="broke">${badge('bad', failureClass)} <strong>${what}</strong> ${
    since === undefined ? '' : html`since <strong>${timeAndAge(since, now)}</strong>`
  }: ${why}. ${meanwhile} <a href="/runbook/${runbook}">What to do</a></p>`;
}

function ratePart({ sending, outbox, queues, at }: OverviewSnapshot): Html {
  const rows = outbox.kind === 'read' ? outbox.value : undefined;
  const inSqs = queues.kind === 'read' ? queues.value : {};
  const backlog = [inSqs.urgent, inSqs.normal].reduce(
    (sum, queue) => sum + (queue === undefined ? 0 : queue.waiting + queue.inFlight),
    0,
  );
  const ses = sending.kind === 'read' ? sending.value : undefined;
  return definitions([
    [
      'Send rate',
      ses &&
        html`up to ${rate(ses.usedPerSecond)} of the ${rate(ses.allowedPerSecond)} recipients a second that SES allows`,
    ],
    [
      'Sent in 24 hours',
      ses &&
        (ses.perDay === undefined
          ? html`${count(ses.sentInLastDay)}, no limit`
          : html`${count(ses.sentInLastDay)} of ${count(ses.perDay)}`),
    ],
    ['Backlog in SQS', queues.kind === 'read' && count(backlog)],
    [
      'Drained in',
      ses &&
        (ses.secondsToDrain === undefined
          ? 'not known while SES takes no mail'
          : ses.secondsToDrain === 0
            ? 'nothing to drain'
            : duration(ses.secondsToDrain * 1000)),
    ],
    ['Beyond the day’s quota', ses !== undefined && ses.beyondDailyQuota > 0 && count(ses.beyondDailyQuota)],
    ['Oldest row that waits', rows && oldest(rows.oldest, at)],
    ['Oldest in the fallback', rows && oldest(rows.oldestAwaited, at)],
  ]);
}

function oldest(delivery: WaitingDelivery | undefined, now: Date): Content {
  if (delivery === undefined) return 'none waits';
  const { id, since } = delivery;
  return html`${deliveryLink(id)}, since ${timeAndAge(since, now)}`;
}

function alarmItem({ name, severity, meaning, since, first }: AlarmNow, now: Date): Html {
  return html`<li>${badge(severity === 'critical' ? 'bad' : 'warn', severity)} <strong>${name}</strong>${
    since === undefined ? '' : html` since ${timeAndAge(since, now)}`
  }<br>${meaning}${first !== undefined && html`<br><code>${first}</code>`}<br><a href="/runbook/${name}">What to do: ${name}</a></li>`;
}

const PLACES = {
  outbox: 'The rows of the outbox',
  worker: 'The worker',
  queues: 'The queues',
  sending: 'SES',
} as const;

/** Each cause once: one missing variable may hide several places. */
function missingSources(snapshot: OverviewSnapshot): Content {
  const places = Object.entries(PLACES).flatMap(([name, words]) => {
    const reading = snapshot[name as keyof typeof PLACES];
    return reading.kind === 'missing' ? [{ words, reading }] : [];
  });
  const byCause = groupBy(places, ({ reading }) => reading.why);
  return [...byCause.values()].map((those) =>
    missing(those.map(({ words }) => words).join(', '), those[0]?.reading as Missing),
  );
}

/** A local pipeline has no alarms, which is no fault. */
function alarmsPart({ alarms, at }: OverviewSnapshot, isLocal: boolean): Html {
  if (alarms.kind === 'missing')
    return isLocal ? html`<p class="hint">${alarms.why}. ${alarms.fix}.</p>` : missing('The alarms', alarms);
  const { inAlarm, noData, ok } = alarms.value;
  if (inAlarm.length + noData.length === 0) return empty('No alarm is in alarm', `${count(ok)} are OK.`);
  return html`<ul class="alarms">${inAlarm.map((alarm) => alarmItem(alarm, at))}</ul>${
    noData.length > 0 && html`<p>${badge('warn', 'no data')} ${noData.join(', ')}</p>`
  }`;
}
