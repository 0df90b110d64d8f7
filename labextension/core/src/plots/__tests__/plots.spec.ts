import { describe, expect, it } from 'vitest';

import { ENGLISH } from '../../translator';
import { ListedRun } from '../../wire/api-types';
import { linePath, shortened } from '../parallel-view';
import { plotAxis, roundNumbers } from '../plot-axis';
import { firstAxes, isInRanges, runColumns, sortRuns, withRange } from '../run-columns';

function run(id: string, parameters: Record<string, unknown>, metrics: Record<string, unknown> = {}): ListedRun {
  return {
    run: id,
    pipeline: 'p',
    engine: 'local',
    state: 'succeeded',
    parameters,
    name: null,
    delivery: null,
    experiment: 'e',
    notebook: null,
    created: 1,
    started: 1,
    finished: 3,
    error: null,
    notebook_id: null,
    target: 'local',
    tags: [],
    note: '',
    metrics,
    path: null
  };
}

describe('an axis', () => {
  it('of numbers has round ticks, and free ends', () => {
    const axis = plotAxis([0.1, 0.2, 0.5], 5);
    expect(axis.ticks.map(tick => tick.text)).toEqual(['0.1', '0.2', '0.3', '0.4', '0.5']);
    expect(axis.place(0.1)).toBeCloseTo(0.05);
    expect(axis.place(0.5)).toBeCloseTo(0.95);
    expect([axis.place('text'), axis.place(NaN), axis.place(undefined)]).toEqual([null, null, null]);
    expect(axis.textAt(axis.place(0.2)!)).toBe('0.2');
    expect(roundNumbers(-10, 10, 4)).toEqual([-10, -5, 0, 5, 10]);
  });

  it('is logarithmic over two decades', () => {
    const axis = plotAxis([0.001, 0.1], 5);
    expect(axis.log).toBe(true);
    expect(axis.place(0.01)).toBeCloseTo(0.5);
    expect(axis.ticks.map(tick => tick.text)).toEqual(['0.001', '0.01', '0.1']);
    expect(axis.place(-1)).toBeNull();
  });

  it('of one number has a place for it', () => {
    expect(plotAxis([3, 3], 5).place(3)).toBe(0.5);
    expect(plotAxis([0], 5).place(0)).toBe(0.5);
  });

  it('of other values has a place for each, in their order', () => {
    const axis = plotAxis(['b10', 'b9', true, undefined, 'b9'], 5);
    expect(axis.ticks).toEqual([
      { place: 1 / 6, text: 'b9' },
      { place: 0.5, text: 'b10' },
      { place: 5 / 6, text: 'true' }
    ]);
    expect(axis.place('b10')).toBe(0.5);
    expect([axis.place('c'), axis.textAt(0), axis.textAt(1)]).toEqual([null, 'b9', 'true']);
    expect(plotAxis([], 5).ticks).toEqual([]);
  });
});

describe('the columns of runs', () => {
  const runs = [
    run('a', { rate: 0.1, kind: 'x', same: 1 }, { score: 3, rate: 1 }),
    run('b', { rate: 0.2, kind: 'y', same: 1 }, { score: 1 }),
    run('c', { rate: 0.3, kind: 'y', same: 1 })
  ];
  const columns = runColumns(runs, ENGLISH);

  it('are the parameters, the metrics and the duration', () => {
    expect(columns.map(one => [one.key, one.label, one.varies, one.numeric])).toEqual([
      ['parameter.rate', 'rate', true, true],
      ['parameter.kind', 'kind', true, false],
      ['parameter.same', 'same', false, true],
      ['metric.score', 'score', true, true],
      ['metric.rate', 'rate (metric)', false, true],
      ['duration', 'Took', false, true]
    ]);
    expect(firstAxes(columns).map(one => one.key)).toEqual([
      'parameter.rate',
      'parameter.kind',
      'metric.score',
      'metric.rate'
    ]);
    expect(firstAxes(runColumns([runs[2], run('d', { rate: 1 })], ENGLISH)).map(one => one.key)).toEqual([
      'parameter.rate'
    ]);
  });

  it('sort runs, those without a value last', () => {
    const score = columns.find(one => one.key === 'metric.score')!;
    expect(sortRuns(runs, score, false).map(one => one.run)).toEqual(['b', 'a', 'c']);
    expect(sortRuns(runs, score, true).map(one => one.run)).toEqual(['a', 'b', 'c']);
    expect(sortRuns(runs, columns[1], true).map(one => one.run)).toEqual(['b', 'c', 'a']);
  });

  it('narrow the runs by parts of their axes', () => {
    const ranges = withRange(withRange({}, 'x', [0.8, 0.2]), 'y', [-1, 0.5]);
    expect(ranges).toEqual({ x: [0.2, 0.8], y: [0, 0.5] });
    expect(isInRanges(ranges, () => 0.3)).toBe(true);
    expect(isInRanges(ranges, key => (key === 'x' ? 0.9 : 0.3))).toBe(false);
    expect(isInRanges(ranges, () => null)).toBe(false);
    expect(withRange(ranges, 'x', [0, 1])).toEqual({ y: [0, 0.5] });
  });
});

describe('the lines of parallel coordinates', () => {
  it('are interrupted where a run has no value', () => {
    expect(linePath([[0, 1], [10, 2.04], null, [30, 4]])).toBe('M0,1L10,2M30,4');
    expect(linePath([null, [1, 1]])).toBe('M1,1');
  });

  it('have labels that fit', () => {
    expect([shortened('learning_rate', 60), shortened('lr', 60)]).toEqual(['learning…', 'lr']);
  });
});
