/** The columns of a table of runs, their order, and which of them a plot shows at first. */

import { Translator } from '../translator';
import { ListedRun } from '../wire/api-types';
import { valueText } from '../format';
import { isNumber } from './plot-axis';

const MAX_AXES = 10; // of a plot before the user chooses

export interface RunColumn {
  /** Such as `parameter.lr`; it occurs once. */
  key: string;
  kind: 'parameter' | 'metric' | 'duration';
  label: string;
  /** Whether it has several values. */
  varies: boolean;
  /** Whether all its values are numbers. */
  numeric: boolean;
  /** The value of a run; undefined where it has none. */
  valueOf(run: ListedRun): unknown;
}

/** The columns of runs: their parameters, their metrics, and how long they took. */
export function runColumns(runs: ListedRun[], trans: Translator): RunColumn[] {
  const names = (values: (run: ListedRun) => Record<string, unknown>) => [
    ...new Set(runs.flatMap(run => Object.keys(values(run))))
  ];
  const parameters = names(run => run.parameters);
  const metrics = names(run => run.metrics);
  return [
    ...parameters.map(name => column(runs, `parameter.${name}`, 'parameter', name, run => run.parameters[name])),
    ...metrics.map(name =>
      column(
        runs,
        `metric.${name}`,
        'metric',
        parameters.includes(name) ? trans.__('%1 (metric)', name) : name,
        run => run.metrics[name]
      )
    ),
    column(runs, 'duration', 'duration', trans.__('Took'), runSeconds)
  ];
}

/** The seconds that a run that has ended took. */
function runSeconds(run: ListedRun): number | undefined {
  return run.started === null || run.finished === null ? undefined : run.finished - run.started;
}

function column(
  runs: ListedRun[],
  key: string,
  kind: RunColumn['kind'],
  label: string,
  valueOf: (run: ListedRun) => unknown
): RunColumn {
  const values = runs.map(valueOf).filter(value => value !== undefined);
  const varies = new Set(values.map(valueText)).size > 1;
  return { key, kind, label, varies, numeric: values.length > 0 && values.every(isNumber), valueOf };
}

/** The axes that a plot has at first: the parameters that vary, and the metrics that are numbers. */
export function firstAxes(columns: RunColumn[]): RunColumn[] {
  const wanted = columns.filter(one => (one.kind === 'parameter' ? one.varies : one.kind === 'metric' && one.numeric));
  return wanted.length > 1 ? wanted.slice(0, MAX_AXES) : columns.filter(one => one.varies).slice(0, MAX_AXES);
}

/** The runs in the order of a column. Runs without a value come last, whatever the direction. */
export function sortRuns(runs: ListedRun[], by: RunColumn, descending: boolean): ListedRun[] {
  const sign = descending ? -1 : 1;
  const compare = (left: unknown, right: unknown) =>
    isNumber(left) && isNumber(right)
      ? left - right
      : valueText(left).localeCompare(valueText(right), undefined, { numeric: true });
  return [...runs].sort((a, b) => {
    const [left, right] = [by.valueOf(a), by.valueOf(b)];
    if (left === undefined || right === undefined) {
      return Number(left === undefined) - Number(right === undefined);
    }
    return sign * compare(left, right);
  });
}

/** The parts of axes that the user has chosen, by the keys of their columns; each from one place to another, from 0 to 1. */
export type Ranges = Readonly<Record<string, readonly [number, number]>>;

/** Whether a run is in all chosen parts. `placeOf` gives its place on the axis of a column. */
export function isInRanges(ranges: Ranges, placeOf: (key: string) => number | null): boolean {
  return Object.entries(ranges).every(([key, [low, high]]) => {
    const place = placeOf(key);
    return place !== null && place >= low && place <= high;
  });
}

/** The parts after one of them has changed. A whole axis is no part. */
export function withRange(ranges: Ranges, key: string, ends: readonly [number, number]): Ranges {
  const low = Math.max(0, Math.min(...ends));
  const high = Math.min(1, Math.max(...ends));
  const others = Object.fromEntries(Object.entries(ranges).filter(([other]) => other !== key));
  return low <= 0 && high >= 1 ? others : { ...others, [key]: [low, high] };
}
