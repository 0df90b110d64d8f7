/** The states of runs and steps: their symbols and priority, their words and colours. */

import { State, STATE_PRIORITY } from './state-table';
import { Translator } from './translator';

export * from './state-table';

/** One word per state, in the language of the user interface. */
export function words(trans: Translator): Record<State, string> {
  return {
    pending: trans.__('pending'),
    running: trans.__('running'),
    succeeded: trans.__('succeeded'),
    failed: trans.__('failed'),
    skipped: trans.__('skipped'),
    omitted: trans.__('omitted'),
    cached: trans.__('cached'),
    cancelled: trans.__('cancelled')
  };
}

/** The one state of several steps or iterations. */
export function combineStates(states: State[]): State {
  return STATE_PRIORITY.find(wanted => states.includes(wanted)) ?? 'pending';
}

/** The hue of a step in degrees. It depends on the name alone, and similar names get different hues. */
export function hue(name: string): number {
  let hash = 7;
  for (const letter of name) {
    hash = (hash * 31 + letter.charCodeAt(0)) % 3600;
  }
  return Math.round((hash * 137.508) % 360);
}
