/** Reads the name of a cell's step from the cell's marks. */

import { markValues } from './cell-marks';

const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;

/** The name of the step that a code cell is marked as; null if it is not marked as a step. */
export function stepName(source: string, metadata: Record<string, unknown>): string | null {
  return markValues({ source, metadata }, 'step').find(name => NAME.test(name)) ?? null;
}
