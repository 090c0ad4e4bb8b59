import { describe, expect, it } from '@jest/globals';
import { dashboardsOf } from './dashboards-of.ts';
import { sampleTemplate } from './sample-stack.ts';

/** A template with one dashboard. */
const templateWith = (DashboardBody: unknown, others: object = {}) => ({
  Resources: {
    ...others,
    One: { Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardName: 'one', DashboardBody } },
  },
});

const place = { region: 'eu-north-1', account: '210987654321', partition: 'aws' };
const alarm = { Type: 'AWS::CloudWatch::Alarm', Properties: { AlarmName: 'key-old' } };

describe('the dashboards of a template', () => {
  it('are those of the CDK, by name, with the Region and the ARNs of alarms inserted', () => {
    const [{ name, body } = { name: '', body: undefined }, ...others] = dashboardsOf(sampleTemplate(), place);
    expect(others).toEqual([]);
    expect(name).toBe('keybuzz-mail-dev');
    const text = JSON.stringify(body);
    expect(text).toContain('arn:aws:cloudwatch:eu-north-1:210987654321:alarm:keybuzz-mail-dev-key-old');
    expect(text).toContain('"region":"eu-north-1"');
    expect(text).not.toMatch(/Fn::|AWS::/);
  });

  it('resolve Ref and Fn::Sub, and keep what is escaped', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation syntax
    const pattern = '{"a":"${AWS::Region}","b":"${Alarm.Arn}","c":"${Alarm}","d":"${!LABEL}"}';
    const [dashboard] = dashboardsOf(templateWith({ 'Fn::Sub': pattern }, { Alarm: alarm }), place);
    expect(dashboard?.body).toEqual({
      a: 'eu-north-1',
      b: 'arn:aws:cloudwatch:eu-north-1:210987654321:alarm:key-old',
      c: 'key-old',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation keeps it
      d: '${LABEL}',
    });
  });

  it.each([[{ Ref: 'Queue' }], [{ 'Fn::ImportValue': 'x' }], [{ 'Fn::GetAtt': ['Alarm', 'State'] }]])(
    'reject %j, which only AWS knows',
    (value) => {
      const template = templateWith({ 'Fn::Join': ['', ['{"a":"', value, '"}']] }, { Alarm: alarm });
      expect(() => dashboardsOf(template)).toThrow(`only AWS knows what ${JSON.stringify(value)} is`);
    },
  );

  it('are empty for a template without one', () => {
    expect(dashboardsOf({ Resources: { Alarm: alarm } })).toEqual([]);
  });
});
