/** One for each period; undefined if there is no data. */
export type Points = readonly (number | undefined)[];

/** An operand or result of metric math. An average of nothing is an undefined scalar. */
export type MathValue =
  | { readonly kind: 'scalar'; readonly value: number | undefined }
  | { readonly kind: 'series'; readonly points: Points }
  | { readonly kind: 'array'; readonly series: readonly Points[] };

/**
 * How operators treat a point that is missing on one side, and with `stay-empty` also FILL, of a series
 * without any point. See `MathOptions`.
 */
export type MissingPoints = 'stay-missing' | 'are-zero' | 'stay-empty';

/** The operand of one period. */
interface Cell {
  readonly value: number | undefined;
  /** Numbers of the expression have no time: they make no point if no series has one. */
  readonly isSeries: boolean;
}

/**
 * Applies an operation on numbers to series, period by period: a number is combined with each point of a
 * series, and a series with each of an array.
 *
 * @throws Error if two arrays have different lengths
 */
export function pointwise(
  values: readonly MathValue[],
  operate: (cells: readonly Cell[]) => number | undefined,
): MathValue {
  const arrays = values.flatMap((value) => (value.kind === 'array' ? [value.series.length] : []));
  const [rows] = arrays;
  if (rows === undefined) return inOneRow(values, operate);
  if (arrays.some((length) => length !== rows))
    throw new Error('arrays of different lengths do not go together');
  const series = Array.from({ length: rows }, (_, row) => {
    const result = inOneRow(
      values.map((value) => rowOf(value, row)),
      operate,
    );
    return result.kind === 'series' ? result.points : [];
  });
  return { kind: 'array', series };
}

/**
 * Two operands, one of which may be missing. A result that is not finite, as of a division by zero, is
 * dropped.
 */
export function binary(
  left: MathValue,
  right: MathValue,
  missing: MissingPoints,
  operate: (left: number, right: number) => number,
): MathValue {
  return pointwise([left, right], (cells) => {
    const series = cells.filter(({ isSeries }) => isSeries);
    if (series.length > 0 && series.every(({ value }) => value === undefined)) return undefined;
    const [one, other] = cells.map(({ value, isSeries }) =>
      isSeries && missing === 'are-zero' ? (value ?? 0) : value,
    );
    if (one === undefined || other === undefined) return undefined;
    const result = operate(one, other);
    return Number.isFinite(result) ? result : undefined;
  });
}

/** Each value separately; a missing one stays missing. */
export function unary(value: MathValue, operate: (value: number) => number): MathValue {
  return pointwise([value], ([cell]) => (cell?.value === undefined ? undefined : operate(cell.value)));
}

function rowOf(value: MathValue, row: number): MathValue {
  return value.kind === 'array' ? { kind: 'series', points: value.series[row] ?? [] } : value;
}

function inOneRow(
  values: readonly MathValue[],
  operate: (cells: readonly Cell[]) => number | undefined,
): MathValue {
  const lengths = values.flatMap((value) => (value.kind === 'series' ? [value.points.length] : []));
  if (lengths.length === 0)
    return { kind: 'scalar', value: operate(values.map((value) => cellOf(value, 0))) };
  const points = Array.from({ length: Math.max(...lengths) }, (_, index) =>
    operate(values.map((value) => cellOf(value, index))),
  );
  return { kind: 'series', points };
}

function cellOf(value: MathValue, index: number): Cell {
  if (value.kind === 'scalar') return { value: value.value, isSeries: false };
  return { value: value.kind === 'series' ? value.points[index] : undefined, isSeries: true };
}
