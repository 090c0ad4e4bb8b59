import { type MathValue, type MissingPoints, type Points, pointwise, unary } from './math-value.ts';

/** A function of metric math with evaluated arguments. */
type MathFunction = (args: readonly MathValue[], missing: MissingPoints) => MathValue;

/**
 * The supported functions, except FILL and METRICS, whose arguments are not values.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-functions-list
 */
export const MATH_FUNCTIONS: Readonly<Record<string, MathFunction>> = {
  IF: (args, missing) => choose(argumentsOf('IF', args, 2, 3), missing),
  SUM: aggregate('SUM', (values) => values.reduce((sum, value) => sum + value, 0)),
  MAX: aggregate('MAX', (values) => Math.max(...values)),
  MIN: aggregate('MIN', (values) => Math.min(...values)),
  // AWS counts missing points of an array as zero, only for the average.
  AVG: aggregate('AVG', (values, ofAll) => values.reduce((sum, value) => sum + value, 0) / ofAll),
  ABS: each('ABS', Math.abs),
  CEIL: each('CEIL', Math.ceil),
  FLOOR: each('FLOOR', Math.floor),
  RUNNING_SUM: ofSeries('RUNNING_SUM', runningSum),
};

/** Replaces each missing point by a value, or by the last one before it. */
export function fill(value: MathValue, filler: MathValue | 'REPEAT', missing: MissingPoints): MathValue {
  if (missing === 'stay-empty' && isEmpty(value)) return value;
  if (filler === 'REPEAT') return eachSeries('FILL', value, repeatLast);
  return pointwise([value, filler], ([cell, other]) => cell?.value ?? other?.value);
}

function isEmpty(value: MathValue): boolean {
  return value.kind === 'series' && value.points.every((point) => point === undefined);
}

/** @throws Error if there are too few or too many */
export function argumentsOf<Argument>(
  name: string,
  args: readonly Argument[],
  least: number,
  most: number,
): readonly Argument[] {
  if (args.length >= least && args.length <= most) return args;
  throw new Error(`${name} does not take ${args.length} arguments`);
}

/** A condition without a value has no result, and neither has an omitted branch. */
function choose([condition, then, otherwise]: readonly MathValue[], missing: MissingPoints): MathValue {
  const values = [condition, then, otherwise].filter((value) => value !== undefined);
  return pointwise(values, ([asked, yes, no]) => {
    if (asked?.value === undefined) return undefined;
    if (asked.value === 0) return no?.value;
    return yes?.value ?? (missing === 'are-zero' ? 0 : undefined);
  });
}

/** Of one series over all its time, which is a number, or of an array in each period. */
function aggregate(name: string, make: (values: readonly number[], ofAll: number) => number): MathFunction {
  const made = (points: Points, ofAll: number) => {
    const values = points.filter((value) => value !== undefined);
    return values.length === 0 ? undefined : make(values, ofAll);
  };
  return (args) => {
    const [value] = argumentsOf(name, args, 1, 1);
    if (value?.kind === 'series') {
      const present = value.points.filter((point) => point !== undefined);
      return { kind: 'scalar', value: made(present, present.length) };
    }
    if (value?.kind !== 'array') throw new Error(`${name} takes a series, or an array of them`);
    const length = Math.max(0, ...value.series.map((points) => points.length));
    const points = Array.from({ length }, (_, index) =>
      made(
        value.series.map((series) => series[index]),
        value.series.length,
      ),
    );
    return { kind: 'series', points };
  };
}

function each(name: string, operate: (value: number) => number): MathFunction {
  return (args) => {
    const [value] = argumentsOf(name, args, 1, 1);
    if (value === undefined) throw new Error(`${name} takes a value`);
    return unary(value, operate);
  };
}

function ofSeries(name: string, change: (points: Points) => Points): MathFunction {
  return (args) => eachSeries(name, argumentsOf(name, args, 1, 1)[0], change);
}

function eachSeries(
  name: string,
  value: MathValue | undefined,
  change: (points: Points) => Points,
): MathValue {
  if (value?.kind === 'series') return { kind: 'series', points: change(value.points) };
  if (value?.kind === 'array') return { kind: 'array', series: value.series.map(change) };
  throw new Error(`${name} takes a series, or an array of them`);
}

function runningSum(points: Points): Points {
  let sum = 0;
  return points.map((value) => {
    if (value === undefined) return undefined;
    sum += value;
    return sum;
  });
}

function repeatLast(points: Points): Points {
  let last: number | undefined;
  return points.map((value) => {
    last = value ?? last;
    return last;
  });
}
