import { describe, expect, it } from 'vitest';

import { progressByStep } from '../../run/run-progress';
import { Graph, Line, Snapshot, StepRun } from '../../wire/api-types';
import { mainRows, pathText, runTiming, ticks, waits } from '../run-timing';

function ran(
  path: string,
  started: number | null,
  finished: number | null,
  state: StepRun['state'] = 'succeeded'
): StepRun {
  return { path, step: path.split('[')[0], state, started, finished, attempts: 1, reason: null, error: null };
}

function line(source: string, to: string): Line {
  return { source: [source], to: [to], points: [], why: '' };
}

function timing(steps: StepRun[], lines: Line[], now = 100) {
  return runTiming(progressByStep({ steps } as unknown as Snapshot), lines, now);
}

describe('the timing of a run', () => {
  it('goes through an exit handler to what ended last before it', () => {
    const boxes = ['load', 'work', 'clean'].map(step => ({ step, kind: step === 'clean' ? 'finally' : '' }));
    const graph = { boxes, frames: [], lines: [line('load', 'work')] } as unknown as Graph;
    const steps = [ran('load', 0, 2), ran('work', 2, 5), ran('clean', 5, 6)];
    expect(timing(steps, waits(graph))?.criticalPath).toEqual(['load', 'work', 'clean']);
  });

  it('finds the steps that decided how long it took', () => {
    const steps = [ran('load', 0, 2), ran('fast', 2, 3), ran('slow', 2, 9), ran('join', 9, 10), ran('apart', 0, 4)];
    const lines = [line('load', 'fast'), line('load', 'slow'), line('fast', 'join'), line('slow', 'join')];
    const found = timing(steps, lines);
    expect(found?.criticalPath).toEqual(['load', 'slow', 'join']);
    expect(found?.rows.filter(row => !row.critical).map(row => row.step)).toEqual(['apart', 'fast']);
    expect([found?.started, found?.finished]).toEqual([0, 10]);
  });

  it('has a bar for each iteration, and lets a running one grow', () => {
    const found = timing([ran('train[0]', 1, 4), ran('train[1]', 2, null, 'running')], [], 7);
    expect(found?.rows).toHaveLength(1);
    expect(found?.rows[0].bars.map(bar => [bar.started, bar.finished])).toEqual([
      [1, 4],
      [2, 7]
    ]);
  });

  it('leaves out what has not run, and is nothing before a step has begun', () => {
    const skipped = [ran('a', null, null, 'skipped'), ran('b', 0, 0, 'cached')];
    expect(timing(skipped, [])).toBeNull();
    expect(timing([...skipped, ran('c', 5, 6)], [line('b', 'c')])?.rows.map(row => row.step)).toEqual(['c']);
  });

  it('shows the critical path and the longest of many steps, in their order', () => {
    const rows = timing([ran('a', 0, 1), ran('b', 1, 5), ran('c', 1, 3), ran('d', 8, 9)], [line('a', 'd')])?.rows ?? [];
    expect(mainRows(rows, 3).map(row => row.step)).toEqual(['a', 'b', 'd']);
    expect(mainRows(rows, 9)).toBe(rows);
    expect(pathText(Array.from({ length: 20 }, (_, at) => String(at)))).toBe(
      '0 → 1 → 2 → 3 → 4 → 5 → … → 15 → 16 → 17 → 18 → 19'
    );
  });

  it('has round times on its axis', () => {
    expect(ticks(0.45)).toEqual([0, 0.1, 0.2, 0.30000000000000004, 0.4]);
    expect(ticks(100)).toEqual([0, 30, 60, 90]);
    expect(ticks(10 * 86400)).toHaveLength(6);
  });
});
