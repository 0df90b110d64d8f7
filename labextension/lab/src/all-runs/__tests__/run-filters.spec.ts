import { describe, expect, it } from 'vitest';

import { ListedRun } from '@kfnb/core/wire/api-types';
import {
  applyRunMessage,
  initialQuery,
  isFiltered,
  nextOrder,
  secondOfDay,
  sortOf,
  tagsOf,
  withFilter
} from '../run-filters';

describe('the list of all runs', () => {
  it('begins on the first page after each change but that of the page', () => {
    const second = withFilter(initialQuery(), { start: 50 });
    expect([second.start, isFiltered(second)]).toEqual([50, false]);
    const narrowed = withFilter(second, { tag: 'best' });
    expect([narrowed.start, narrowed.tag, isFiltered(narrowed)]).toEqual([0, 'best', true]);
  });

  it('is sorted the other way round by a second click', () => {
    expect(nextOrder('-created', 'state')).toBe('state');
    expect(nextOrder('state', 'state')).toBe('-state');
    expect(nextOrder('state', 'duration')).toBe('-duration');
    expect(nextOrder('-duration', 'duration')).toBe('duration');
    expect([sortOf('-created', 'created'), sortOf('-created', 'state')]).toEqual(['descending', 'none']);
  });

  it('reads dates where the reader is, and tags between commas', () => {
    const day = secondOfDay('2026-03-01') ?? 0;
    expect(new Date(day * 1000).getDate()).toBe(1);
    expect((secondOfDay('2026-02-28', 1) ?? 0) - day).toBe(0);
    expect([secondOfDay(''), secondOfDay('soon')]).toEqual([null, null]);
    expect(tagsOf(' best, for paper,,best ')).toEqual(['best', 'for paper']);
  });

  it('follows the runs that are watched', () => {
    const runs = [
      { run: 'a', state: 'running' },
      { run: 'b', state: 'running' }
    ] as ListedRun[];
    const after = applyRunMessage(runs, {
      type: 'run',
      id: 'b',
      seq: 3,
      time: 1,
      data: { state: 'failed', finished: 9 }
    });
    expect(after).toEqual([
      { run: 'a', state: 'running' },
      { run: 'b', state: 'failed', finished: 9 }
    ]);
    expect(applyRunMessage(runs, { type: 'gone', id: 'b', message: '' })).toBe(runs);
  });
});
