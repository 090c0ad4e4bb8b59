import { describe, expect, it } from '@jest/globals';
import { drawRun } from './draw-run.ts';
import { readRecording } from './read-recording.ts';
import { sampleRecording } from './sample-recording.ts';
import { sampleTemplate } from './sample-stack.ts';

const recording = sampleRecording();
const template = sampleTemplate();
const MAIL_WAITING = 'keybuzz-mail-dev-mail-waiting';

describe('the pictures of a run', () => {
  it('state the scenario and when its alarms rang', () => {
    const { drawings } = drawRun(template, recording);
    expect(drawings.map(({ name }) => name)).toEqual(['keybuzz-mail-dev']);
    expect(drawings[0]?.svg).toContain('a run of 3 minutes on one machine, stretched 120 times');
    expect(drawings[0]?.svg).toMatch(/keybuzz-mail-dev-mail-waiting 01:3\d–04:3\d/);
  });

  it('show the alarms at the end, or at the requested moment', () => {
    const stateAt = (until?: string) =>
      drawRun(template, recording, until === undefined ? undefined : Date.parse(until))
        .alarms.find(({ name }) => name === MAIL_WAITING)
        ?.transitions.at(-1)?.state;
    expect(stateAt('2026-01-14T03:00:00Z')).toBe('ALARM');
    expect(stateAt()).toBe('OK');
  });

  it('show each alarm in its last state', () => {
    const tilesAt = (until: string) =>
      drawRun(template, recording, Date.parse(until)).drawings[0]?.svg.match(
        /<circle[^>]*r="8.5" fill="#d13212"/g,
      );
    // All four alarms of the sample use the same age metric.
    expect(tilesAt('2026-01-14T03:00:00Z')).toHaveLength(4);
    expect(tilesAt('2026-01-14T01:00:00Z')).toBeNull();
  });

  it('show no time after that moment', () => {
    const { drawings } = drawRun(template, recording, Date.parse('2026-01-14T03:00:00Z'));
    expect(drawings[0]?.svg).toContain('2026-01-14 00:00 – 03:00 UTC');
  });
});

describe('a recording in a file', () => {
  it('is read back unchanged', () => {
    expect(readRecording(JSON.stringify(recording))).toEqual({ kind: 'read', recording });
  });

  it.each([
    ['{', /^it is not JSON/],
    ['{}', /^scenario: /],
    [JSON.stringify({ ...recording, from: 'yesterday' }), /^from: /],
    [JSON.stringify({ ...recording, metrics: [{}] }), /^metrics\.0\.namespace: /],
  ])('is rejected with the place of the error: %.40s', (text, reason) => {
    expect(readRecording(text)).toEqual({ kind: 'unreadable', reason: expect.stringMatching(reason) });
  });
});
