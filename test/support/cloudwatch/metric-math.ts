import jsep from 'jsep';
import { argumentsOf, fill, MATH_FUNCTIONS } from './math-functions.ts';
import { binary, type MathValue, type MissingPoints, type Points, unary } from './math-value.ts';

export interface MathOptions {
  /** The series of an id, a metric's or an expression's. @throws Error if there is none */
  readonly seriesOf: (id: string) => Points;
  /** The ids of all metrics, without the expressions. */
  readonly metricIds: readonly string[];
  /**
   * AWS documents that operators treat a missing point as zero if the other side has one. An expression with
   * a FILL around all its inputs is correct with this and with the opposite: evaluate with both to verify
   * that. Neither does AWS document whether FILL fills a metric without any point in the evaluated time, such
   * as one that was never published: evaluate with the third to verify that.
   */
  readonly missing: MissingPoints;
}

// CloudWatch also supports these words. They have the precedence of || and &&.
jsep.addBinaryOp('OR', 1);
jsep.addBinaryOp('AND', 2);

const OPERATORS: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '<': (left, right) => Number(left < right),
  '<=': (left, right) => Number(left <= right),
  '>': (left, right) => Number(left > right),
  '>=': (left, right) => Number(left >= right),
  '==': (left, right) => Number(left === right),
  '!=': (left, right) => Number(left !== right),
  '&&': (left, right) => Number(left !== 0 && right !== 0),
  '||': (left, right) => Number(left !== 0 || right !== 0),
  AND: (left, right) => Number(left !== 0 && right !== 0),
  OR: (left, right) => Number(left !== 0 || right !== 0),
};

/**
 * The series that results from an expression of metric math.
 *
 * @throws Error that names what is not supported here, and if the result is not one series, which CloudWatch
 * would reject in an alarm, too
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function evaluateExpression(expression: string, options: MathOptions): Points {
  try {
    const value = evaluate(jsep(expression), options);
    if (value.kind === 'series') return value.points;
    throw new Error(value.kind === 'array' ? 'it makes several series' : 'it makes a number, not a series');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the expression ${expression} cannot be evaluated: ${reason}`, { cause: error });
  }
}

/** The library types the kinds of its nodes, but not which kind a node is. */
function evaluate(node: jsep.Expression, options: MathOptions): MathValue {
  const expression = node as jsep.CoreExpression;
  switch (expression.type) {
    case 'Literal':
      return literal(expression);
    case 'Identifier':
      return { kind: 'series', points: options.seriesOf(expression.name) };
    case 'ArrayExpression':
      return arrayOf(expression, options);
    case 'UnaryExpression':
      if (expression.operator !== '-') throw unknown(`the operator ${expression.operator}`);
      return unary(evaluate(expression.argument, options), (value) => -value);
    case 'BinaryExpression': {
      const operate = Object.hasOwn(OPERATORS, expression.operator)
        ? OPERATORS[expression.operator]
        : undefined;
      if (operate === undefined) throw unknown(`the operator ${expression.operator}`);
      const [left, right] = [evaluate(expression.left, options), evaluate(expression.right, options)];
      return binary(left, right, options.missing, operate);
    }
    case 'CallExpression':
      return call(expression, options);
    default:
      throw unknown(`a ${expression.type}`);
  }
}

function literal({ value, raw }: jsep.Literal): MathValue {
  if (typeof value !== 'number') throw unknown(`the value ${raw}`);
  return { kind: 'scalar', value };
}

/** Nested arrays are flattened, such as `[METRICS("a"), m1]`. */
function arrayOf({ elements }: jsep.ArrayExpression, options: MathOptions): MathValue {
  const series = elements.flatMap((element) => {
    if (element === null) throw unknown('an empty place in an array');
    const value = evaluate(element, options);
    if (value.kind === 'scalar') throw unknown('a number in an array');
    return value.kind === 'series' ? [value.points] : value.series;
  });
  return { kind: 'array', series };
}

function call({ callee, arguments: args }: jsep.CallExpression, options: MathOptions): MathValue {
  const { type, name } = callee as jsep.CoreExpression & { name?: string };
  if (type !== 'Identifier' || name === undefined) throw unknown(`a call of a ${type}`);
  if (name === 'FILL') return callFill(args, options);
  if (name === 'METRICS') return callMetrics(args, options);
  const perform = Object.hasOwn(MATH_FUNCTIONS, name) ? MATH_FUNCTIONS[name] : undefined;
  if (perform === undefined) throw unknown(`the function ${name}`);
  return perform(
    args.map((argument) => evaluate(argument, options)),
    options.missing,
  );
}

function callFill(args: readonly jsep.Expression[], options: MathOptions): MathValue {
  const [value, filler] = argumentsOf('FILL', args, 2, 2);
  if (value === undefined || filler === undefined)
    throw new Error('FILL takes a series and what to fill it with');
  const word = filler.type === 'Identifier' ? filler.name : undefined;
  if (word === 'LINEAR') throw unknown('LINEAR');
  return fill(
    evaluate(value, options),
    word === 'REPEAT' ? word : evaluate(filler, options),
    options.missing,
  );
}

/** All metrics, or those whose id contains a text. */
function callMetrics(args: readonly jsep.Expression[], options: MathOptions): MathValue {
  const [part] = argumentsOf('METRICS', args, 0, 1);
  const text = part === undefined ? '' : part.value;
  if (typeof text !== 'string') throw new Error('METRICS takes a text');
  const ids = options.metricIds.filter((id) => id.includes(text));
  return { kind: 'array', series: ids.map((id) => options.seriesOf(id)) };
}

function unknown(what: string): Error {
  return new Error(`${what} is not known here`);
}
