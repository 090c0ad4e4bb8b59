const NIGHT_MAILS_PER_HOUR = 6;

/** At 14:00. */
const MOST_MAILS_PER_HOUR = 60;

const [WAKES_AT, SLEEPS_AT] = [6, 22];

/** How many mails per hour a small shop's API sends: few at night, most in the afternoon. */
export function dailyRhythm(hourOfDay: number): number {
  const dayPart = (hourOfDay - WAKES_AT) / (SLEEPS_AT - WAKES_AT);
  const awake = dayPart > 0 && dayPart < 1 ? Math.sin(Math.PI * dayPart) : 0;
  return NIGHT_MAILS_PER_HOUR + (MOST_MAILS_PER_HOUR - NIGHT_MAILS_PER_HOUR) * awake;
}
