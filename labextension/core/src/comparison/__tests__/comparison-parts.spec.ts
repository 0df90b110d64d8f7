import { describe, expect, it } from 'vitest';

import { ENGLISH } from '../../translator';
import { ComparedLoop, ComparedRun, ComparedValue, Comparison } from '../../wire/api-types';
import {
  cellsToShow,
  looksAlike,
  numbersOf,
  PartName,
  partsToShow,
  relativeChange,
  rowLabel,
  sameParts,
  valueIn
} from '../comparison-parts';

function row(
  name: string,
  values: Record<string, unknown>,
  differs: boolean,
  loop: ComparedLoop | null = null
): ComparedValue {
  return { name, label: name, values, differs, loop };
}

function run(id: string): ComparedRun {
  return {
    run: id,
    pipeline: 'p',
    notebook: null,
    experiment: null,
    state: 'succeeded',
    created: 1,
    seconds: 1,
    has_packages: true
  };
}

const COMPARISON: Comparison = {
  runs: [run('a'), run('b')],
  parameters: [row('rate', { a: 0.1, b: 0.2 }, true), row('depth', { a: 3, b: 3 }, false)],
  metrics: [row('score', { a: 1, b: 1 }, false)],
  states: [],
  durations: [row('train', { a: 2, b: 75 }, true)],
  outputs: [row('train.model', { a: '<Model>', b: '<Model>' }, true)],
  settings: [],
  environment: [row('version', { a: '3.11', b: '3.12' }, true)],
  packages: [],
  code: [
    { numbers: { a: 1, b: 1 }, steps: [], versions: [{ runs: ['a', 'b'], source: 'x', changes: [] }], differs: false },
    { numbers: { a: 2 }, steps: ['train'], versions: [{ runs: ['a'], source: 'y', changes: [] }], differs: true }
  ]
};

describe('the parts of a comparison', () => {
  it('have the rows that differ, or all rows', () => {
    const few = partsToShow(COMPARISON, false, ENGLISH);
    expect(few.map(part => [part.name, part.rows.length, part.count])).toEqual([
      ['parameters', 1, 2],
      ['durations', 1, 1],
      ['outputs', 1, 1],
      ['environment', 1, 1]
    ]);
    const all = partsToShow(COMPARISON, true, ENGLISH);
    expect(all.map(part => part.rows.length)).toEqual([2, 1, 1, 1, 1]);
    expect(cellsToShow(COMPARISON, false).map(cell => cell.steps)).toEqual([['train']]);
    expect(cellsToShow(COMPARISON, true)).toHaveLength(2);
  });

  it('are named where all runs are the same', () => {
    expect(sameParts(COMPARISON, ENGLISH)).toEqual(['Metrics']);
    expect(sameParts({ ...COMPARISON, code: COMPARISON.code.slice(0, 1) }, ENGLISH)).toEqual(['Metrics', 'Code']);
  });

  it('show values as people read them', () => {
    const [duration] = COMPARISON.durations;
    expect(valueIn('durations', duration, 'b', ENGLISH)).toBe('1:15 min');
    expect(valueIn('states', row('train', { a: 'failed' }, true), 'a', ENGLISH)).toBe('✗ failed');
    expect(valueIn('metrics', row('x', {}, true), 'a', ENGLISH)).toBeNull();
    expect(rowLabel('environment', COMPARISON.environment[0], ENGLISH)).toBe('version of Python');
    expect(rowLabel('packages', row('python', {}, true), ENGLISH)).toBe('python');
  });

  it('tell by how much a number differs from the first one', () => {
    expect([relativeChange(1.1, 1), relativeChange(0.5, 1), relativeChange(-1, -2), relativeChange(1, 1)]).toEqual([
      '+10 %',
      '−50 %',
      '+50 %',
      ''
    ]);
    expect([relativeChange(1, 0), relativeChange('a', 1), relativeChange(true, 1)]).toEqual(['', '', '']);
  });

  it('tell values that look alike, and the numbers of runs', () => {
    expect(COMPARISON.outputs.map(one => looksAlike(one, ['a', 'b']))).toEqual([true]);
    expect(looksAlike(row('x', { a: 1 }, true), ['a', 'b'])).toBe(false);
    expect(numbersOf(['b', 'a'], COMPARISON)).toBe('2, 1');
  });
});

describe('the row of a loop', () => {
  const loop = { step: 'fit', iterations: 1000, differing: 40 };
  it('says what the iterations have together', () => {
    const text = (part: PartName, value: unknown) => valueIn(part, row('fit', { a: value }, true, loop), 'a', ENGLISH);
    expect(text('states', { succeeded: 990, failed: 10 })).toBe('✓ 990 succeeded, ✗ 10 failed');
    expect(text('durations', { least: 1, median: 2, most: 90 })).toBe('1.0 s to 1:30 min, median 2.0 s');
    expect(text('outputs', { least: -1, median: 0.12345678, most: 9 })).toBe('-1 to 9, median 0.123457');
    expect(text('outputs', { values: 1000, distinct: 7 })).toBe('1000 values, 7 distinct');
  });

  it('does not say that values look alike: they are not shown', () => {
    expect(looksAlike(row('fit.x', { a: { values: 2 }, b: { values: 2 } }, true, loop), ['a', 'b'])).toBe(false);
  });
});
