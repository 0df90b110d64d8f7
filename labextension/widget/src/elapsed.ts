import { formatDuration } from '@kfnb/core/format';
import { State, TIMED_STATES } from '@kfnb/core/states';

/** How long a step or a run has taken up to now; empty for one that has no time. */
export function elapsed(timed: { state: State; started: number | null; finished: number | null }, now: number): string {
  if (timed.started === null || !TIMED_STATES.has(timed.state)) {
    return '';
  }
  return formatDuration((timed.finished ?? now) - timed.started);
}
