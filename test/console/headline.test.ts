import { describe, expect, it } from '@jest/globals';
import { flowOf } from '../../lib/console/flow.ts';
import { headlineOf } from '../../lib/console/headline.ts';
import type { AlarmNow, SmtpFailing } from '../../lib/console/sources/overview.ts';
import { FAILURE_CLASSES } from '../../lib/domain/failure.ts';
import { anOutbox, aSending, aSnapshot, aWorker, known, minutesAgo, UNKNOWN } from './a-snapshot.ts';

const failing: SmtpFailing = {
  class: 'tls',
  words: 'self-signed certificate',
  since: minutesAgo(50),
  last: minutesAgo(0.1),
  wasLastTried: true,
  mails: 312,
};

const failingOutbox = anOutbox({ smtp: { lastAccepted: minutesAgo(51), failing } });

const outage = { cause: 'ses-unavailable', since: minutesAgo(5), nextProbe: minutesAgo(-1) };

const anAlarm = (name: string, severity: AlarmNow['severity']): AlarmNow => ({
  name,
  severity,
  meaning: `${name} means this.`,
  since: minutesAgo(7),
  first: undefined,
});

const queuesWith = (name: string, waiting: number) => {
  const { queues } = aSnapshot();
  return queues.kind === 'read' ? known({ ...queues.value, [name]: { waiting, inFlight: 1 } }) : queues;
};

describe('the headline', () => {
  it('of a good day says that mail flows and none is lost', () => {
    expect(headlineOf(aSnapshot())).toEqual({
      tone: 'good',
      title: 'Mail flows',
      broke: [],
      loss: { tone: 'good', lost: 'No mail is lost.', person: 0 },
    });
  });

  it('of an outage of SMTP says what broke, since when, the class and what to read', () => {
    const { tone, title, broke } = headlineOf(
      aSnapshot({ outbox: failingOutbox, worker: aWorker({ isBreakerOpen: true }) }),
    );

    expect({ tone, title }).toEqual({ tone: 'warn', title: 'Mail flows, by SES: mail-core is down' });
    expect(broke).toMatchObject([
      {
        class: 'tls',
        since: minutesAgo(50),
        meanwhile: 'Since then it did not accept 312 mails.',
        runbook: 'fallback-in-use',
      },
    ]);
    expect(broke[0]?.why).toContain('“self-signed certificate”');
  });

  it.each(FAILURE_CLASSES)('has words for the class %s', (failureClass) => {
    const smtp = { lastAccepted: undefined, failing: { ...failing, class: failureClass, words: undefined } };
    const [broken] = headlineOf(aSnapshot({ outbox: anOutbox({ smtp }) })).broke;

    expect(broken?.class).toBe(failureClass);
    expect(broken?.why).toMatch(/^\w.{10,}/);
  });

  it('believes the worker that the server is back, before the next mail says so', () => {
    const smtp = { lastAccepted: minutesAgo(51), failing: { ...failing, last: minutesAgo(2) } };

    expect(headlineOf(aSnapshot({ outbox: anOutbox({ smtp }) })).title).toBe('Mail flows');
    expect(headlineOf(aSnapshot({ outbox: anOutbox({ smtp }), worker: UNKNOWN })).broke).toHaveLength(1);
  });

  it('takes mail that was not tried at all for no sign that the server is still down', () => {
    const smtp = { lastAccepted: minutesAgo(51), failing: { ...failing, wasLastTried: false } };

    expect(headlineOf(aSnapshot({ outbox: anOutbox({ smtp }) })).title).toBe('Mail flows');
  });

  it('says that no mail goes out if SES takes none either, and how many wait', () => {
    const { tone, title, broke, loss } = headlineOf(
      aSnapshot({ outbox: failingOutbox, sending: aSending({ outage }), queues: queuesWith('normal', 212) }),
    );

    expect({ tone, title }).toEqual({ tone: 'bad', title: 'No mail goes out' });
    expect(broke.map(({ what }) => what)).toEqual(['mail-core (SMTP)', 'SES']);
    expect(loss.lost).toBe('No mail is lost: 213 mails wait to be sent.');
  });

  it('does not say that mail flows by SES if that is not known', () => {
    const { tone, title } = headlineOf(aSnapshot({ outbox: failingOutbox, sending: UNKNOWN }));

    expect(tone).toBe('bad');
    expect(title).toContain('whether SES takes mail is not known');
  });

  it('counts what needs a person, of dead letters and of rows', () => {
    const { loss } = headlineOf(
      aSnapshot({ outbox: anOutbox({ failed: 2 }), queues: queuesWith('deadLetters', 3) }),
    );

    expect(loss).toEqual({ tone: 'good', lost: 'No mail is lost.', person: 6 });
  });

  it.each(['outbox', 'queues'] as const)('claims nothing of lost mail if the %s cannot be read', (place) => {
    expect(headlineOf(aSnapshot({ [place]: UNKNOWN })).loss.lost).toMatch(
      /^Whether mail is lost is not known/,
    );
  });

  it('takes the word of the alarm if neither rows nor a worker can be read', () => {
    const alarms = known({ inAlarm: [anAlarm('fallback-in-use', 'warning')], noData: [], ok: 25 });
    const { title, broke } = headlineOf(aSnapshot({ outbox: UNKNOWN, worker: UNKNOWN, alarms }));

    expect(title).toContain('mail-core is down');
    expect(broke).toMatchObject([{ since: minutesAgo(7) }]);
  });

  it('does not say that all is well if no place says so', () => {
    const { tone, title } = headlineOf(aSnapshot({ outbox: UNKNOWN, worker: UNKNOWN }));

    expect(tone).toBe('dim');
    expect(title).toContain('not known');
  });

  it('names critical alarms, and not warnings', () => {
    const inAlarm = [anAlarm('mail-waiting', 'critical'), anAlarm('key-old', 'warning')];
    const { tone, title, broke } = headlineOf(aSnapshot({ alarms: known({ inAlarm, noData: [], ok: 24 }) }));

    expect({ tone, title }).toEqual({ tone: 'bad', title: 'In alarm: mail-waiting' });
    expect(broke).toMatchObject([
      { what: 'mail-waiting', why: 'mail-waiting means this', since: minutesAgo(7) },
    ]);
  });

  it('says so if the worker cannot hand over', () => {
    const { broke } = headlineOf(aSnapshot({ worker: aWorker({ canHandOver: false }) }));

    expect(broke).toMatchObject([{ class: 'hand-over' }]);
  });
});

describe('the flow', () => {
  it('shows what is not known as such, and never as 0', () => {
    const { nodes, arrows } = flowOf(
      aSnapshot({ outbox: UNKNOWN, worker: UNKNOWN, queues: UNKNOWN, sending: UNKNOWN, alarms: UNKNOWN }),
    );
    const texts = [
      ...Object.values(nodes).flatMap(({ lines }) => lines),
      ...Object.values(arrows).map(({ text }) => text),
    ];

    expect(texts.join(' ')).not.toMatch(/\d/);
    expect([...Object.values(nodes), arrows.accepted].map(({ tone }) => tone)).not.toContain('good');
    expect(texts.filter((text) => text.includes('?')).length).toBeGreaterThan(10);
  });

  it('marks what is broken', () => {
    const { nodes, arrows } = flowOf(
      aSnapshot({
        outbox: failingOutbox,
        sending: aSending({ outage }),
        queues: queuesWith('deadLetters', 1),
      }),
    );

    expect([nodes.smtp, nodes.ses, nodes.deadLetters, arrows.accepted].map(({ tone }) => tone)).toEqual(
      Array(4).fill('bad'),
    );
  });
});
