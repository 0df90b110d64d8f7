/** A run that did not reach its target. */

import { RefusedError } from '../server/rest-client';

const NO_CLUSTER = 502; // the status with which the server says that a cluster does not answer

export interface FailedStart {
  target: string;
  message: string;
}

/** What an error says of a run that was to begin on a target; null if it is not the target that is the cause. */
export function failedStart(error: unknown, target: string): FailedStart | null {
  return error instanceof RefusedError && error.status === NO_CLUSTER ? { target, message: error.message } : null;
}
