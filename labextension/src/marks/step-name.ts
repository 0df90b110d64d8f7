/** Finds the step that a cell belongs to. */

import { markValues } from './cell-marks';

const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;

/** The name of the step that a code cell belongs to, or null. */
export function stepName(source: string, metadata: Record<string, unknown>): string | null {
  return markValues({ source, metadata }, 'step').find(name => NAME.test(name)) ?? null;
}
