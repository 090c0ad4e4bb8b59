import { EXPIRES_ATTRIBUTE } from './constants.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export function daysAfter(at: Date, days: number): Date {
  return new Date(at.getTime() + days * DAY_MS);
}

/**
 * The attribute by which DynamoDB removes an item, within some days after the time:
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 */
export function expiring(at: Date): { readonly [EXPIRES_ATTRIBUTE]: number } {
  return { [EXPIRES_ATTRIBUTE]: Math.ceil(at.getTime() / 1000) };
}
