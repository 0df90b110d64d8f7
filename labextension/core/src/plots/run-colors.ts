/** The colours of runs in plots: by a column of numbers from one colour of the theme to another. */

const LOW = 'var(--jp-info-color1)';
const HIGH = 'var(--jp-warn-color1)';

/** The colour of a place from 0 to 1; of a run without a place, a quiet one. */
export function placeColor(place: number | null): string {
  return place === null
    ? 'var(--jp-ui-font-color3)'
    : `color-mix(in srgb, ${HIGH} ${Math.round(100 * Math.max(0, Math.min(1, place)))}%, ${LOW})`;
}
