/**
 * One colour, one meaning, on all dashboards; each is told from the others by people who see red and green alike, since
 * they differ in lightness, too. Red is for harm alone.
 */
export const COLOURS = {
  harm: '#d62728',
  slightHarm: '#e2665f',
  warning: '#ff7f0e',
  smtp: '#17649b',
  fallback: '#e8a33d',
  ses: '#2aa198',
  good: '#2ca02c',
  neutral: '#7f7f7f',
  pale: '#c7c7c7',
} as const;

/** One shade for each percentile: the longest wait is the darkest. */
export const PERCENTILE_COLOURS = { p50: '#9ecae1', p90: '#4292c6', p99: '#084594' } as const;
