import type { CommandContext } from '../command-context.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { alarmNews, worstOf } from './alarm-news.ts';
import { listAlarms } from './list-alarms.ts';
import { newsValue, renderNews } from './render-alarms.ts';

const EXITS = { critical: EXIT.failed, warning: EXIT.warning } as const;

/** `mailctl alarms`: what rings now. @param all whether those that are quiet are named, too */
export async function showAlarms(context: CommandContext, all: boolean): Promise<ExitCode> {
  const { aws, deployment, terminal, commands, signal } = context;
  const alarms = await listAlarms(await aws.cloudWatch(), deployment, signal);
  const now = new Date();
  const news = alarmNews(alarms, now);
  const value = newsValue(news, { deployment, commands });
  terminal.result(value, () =>
    renderNews(terminal, news, { deployment, commands, region: aws.region, now, all }),
  );
  // Nobody is told of anything then.
  if (alarms.length === 0) return EXIT.warning;
  const worst = worstOf(news);
  return worst === undefined ? EXIT.ok : EXITS[worst];
}
