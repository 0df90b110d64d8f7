/** Whether something new can be known of a run. */

import { isActive } from './run-progress';
import { Snapshot } from '../wire/api-types';

/** Since when nothing new is known of a run, and who does not answer. `message` is what is known of the reason. */
export interface LostContact {
  from: 'server' | 'cluster';
  /** Seconds since 1970. */
  since: number;
  message: string;
}

/** The lost contact to the cluster of a run that has not ended; null while the cluster answers. */
export function lostCluster(run: Snapshot | null): LostContact | null {
  const error = run?.run.error;
  if (!isActive(run) || error?.kind !== 'cluster') {
    return null;
  }
  return { from: 'cluster', since: error.since ?? Date.now() / 1000, message: error.message };
}
