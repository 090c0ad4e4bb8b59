import { InvalidArgumentError } from 'commander';
import type { LetterChoice } from './letter-choice.ts';

/** What of the command line says which letters are meant. */
export interface ChoiceOptions {
  readonly cause?: string;
  readonly id?: string;
  readonly all?: boolean;
}

/** Undefined where it says nothing, or more than one thing. */
export function choiceOf({ cause, id, all }: ChoiceOptions): LetterChoice | undefined {
  const said: LetterChoice[] = [];
  if (cause !== undefined) said.push({ by: 'cause', cause });
  if (id !== undefined) said.push({ by: 'id', id });
  if (all === true) said.push({ by: 'all' });
  return said.length === 1 ? said[0] : undefined;
}

/** `10/s`, `10` or `30/min`, as letters a second. */
export function parseRate(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,5}(?:\.\d{1,3})?)(?:\/(s|min))?$/.exec(text) ?? [];
  const perSecond = Number(number) / (unit === 'min' ? 60 : 1);
  if (!(perSecond >= 1 / 60))
    throw new InvalidArgumentError('Give letters a second or a minute: 10/s, 30/min.');
  return perSecond;
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('Give a whole number, at least 1.');
  return Number(text);
}

/** Hours, in milliseconds. */
export function parseHours(text: string): number {
  const hours = /^\d{1,3}(?:\.\d{1,2})?$/.test(text) ? Number(text) : 0;
  if (hours <= 0) throw new InvalidArgumentError('Give hours, more than 0: 24.');
  return hours * 60 * 60 * 1000;
}

export function parseReason(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Give a reason that tells somebody why, later.');
  return text.trim();
}
