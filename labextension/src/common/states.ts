/** How states are shown: by shape, word and colour, the same everywhere. */

import { TranslationBundle } from '@jupyterlab/translation';

import { State } from '../server/api-types';

/** A sign that differs by its shape, for those who see no colours. */
export const SHAPES: Record<State, string> = {
  pending: '○',
  running: '▶',
  succeeded: '✓',
  failed: '✗',
  skipped: '–',
  omitted: '∅',
  cached: '⟲',
  cancelled: '■'
};

export function words(trans: TranslationBundle): Record<State, string> {
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

/** A hue of a step's own, from its name: neighbours in the alphabet are far apart. */
export function hue(name: string): number {
  let found = 7;
  for (const letter of name) {
    found = (found * 31 + letter.charCodeAt(0)) % 3600;
  }
  return Math.round((found * 137.508) % 360);
}
