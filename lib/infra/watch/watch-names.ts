import type { Settings } from '../settings.ts';

/** The names of what watches one stage, as a person looks for them in the console and in a message at night. */
export interface WatchNames {
  readonly stack: string;
  readonly watchFunction: string;
  readonly alarmTopic: string;
  readonly mailDashboard: string;
  readonly reputationDashboard: string;
  readonly machineRoomDashboard: string;
}

type Named = Pick<Settings, 'project' | 'stage'>;

export function watchNames({ project, stage }: Named): WatchNames {
  return {
    stack: `${project}-mail-watch-${stage}`,
    watchFunction: `${project}-mail-watch-${stage}`,
    alarmTopic: `${project}-mail-alarms-${stage}`,
    mailDashboard: `${project}-mail-${stage}`,
    reputationDashboard: `${project}-mail-reputation-${stage}`,
    machineRoomDashboard: `${project}-mail-machine-room-${stage}`,
  };
}

/** The name of an alarm in CloudWatch. */
export function alarmName({ project, stage }: Named, alarm: string): string {
  return `${project}-mail-${stage}-${alarm}`;
}
