import {
  GraphWidget,
  type HorizontalAnnotation,
  type IWidget,
  LegendPosition,
  Shading,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { COLOURS } from './colours.ts';
import { type Line, metricsOf } from './line.ts';

/** The width of a dashboard. */
export const FULL_WIDTH = 24;

interface Placed {
  readonly title: string;

  /** Of 24 columns. */
  readonly width: number;

  /** @default 6 */
  readonly height?: number;
}

export interface GraphProps extends Placed {
  readonly lines: readonly Line[];

  /** What the axis counts, with its unit. */
  readonly axis: string;

  /** @default false */
  readonly stacked?: boolean;

  /** Lines drawn across, such as the threshold of an alarm. */
  readonly marks?: readonly Mark[];

  /** @default 5 */
  readonly periodMinutes?: number;
}

export interface Mark {
  readonly label: string;
  readonly value: number;
  readonly kind: 'alarm' | 'review' | 'pause';
}

export interface NumbersProps extends Placed {
  readonly lines: readonly Line[];

  /** Of all that is shown, or of the latest period alone. */
  readonly over: 'time-shown' | 'latest';

  /** @default 5 */
  readonly periodMinutes?: number;
}

const MARK_COLOURS = { alarm: COLOURS.warning, review: COLOURS.slightHarm, pause: COLOURS.harm };

/** Makes the widgets of dashboards that look at one Region. */
export class Widgets {
  readonly #region: string;

  constructor(region: string) {
    this.#region = region;
  }

  /** Lines over time, from zero upwards. */
  graph({ lines, axis, marks = [], periodMinutes = 5, height = 6, ...props }: GraphProps): IWidget {
    return new GraphWidget({
      ...props,
      height,
      region: this.#region,
      left: metricsOf(lines, periodMinutes),
      leftYAxis: { label: axis, min: 0, showUnits: false },
      leftAnnotations: marks.map(annotationOf),
      legendPosition: LegendPosition.BOTTOM,
      stacked: props.stacked ?? false,
    });
  }

  /** Big numbers. Those of the time shown are summed up over it, by their own statistic. */
  numbers({ lines, over, periodMinutes = 5, height = 3, ...placed }: NumbersProps): IWidget {
    return new SingleValueWidget({
      ...placed,
      height,
      region: this.#region,
      metrics: metricsOf(lines, periodMinutes),
      setPeriodToTimeRange: over === 'time-shown',
    });
  }

  text(markdown: string, height: number): IWidget {
    return new TextWidget({ markdown, width: FULL_WIDTH, height });
  }
}

function annotationOf({ label, value, kind }: Mark): HorizontalAnnotation {
  return { label, value, color: MARK_COLOURS[kind], fill: Shading.NONE };
}
