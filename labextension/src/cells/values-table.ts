/** What a step saw and left: names, types, sizes, and as much of the values as is small. */

import { TranslationBundle } from '@jupyterlab/translation';

import { element } from '../common/elements';
import { Value, StepValues } from '../server/api-types';

const MAX_OPEN = 8; // values that are shown without being asked for
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A table that folds; nothing where the step saw and left nothing. */
export function valuesTable(values: StepValues, trans: TranslationBundle): HTMLElement | null {
  const { inputs, outputs } = values;
  if (inputs.length + outputs.length === 0) {
    return null;
  }
  const details = element('details', 'kfnb-Values');
  details.open = inputs.length + outputs.length <= MAX_OPEN;
  details.append(element('summary', '', trans.__('Values: %1 in, %2 out', inputs.length, outputs.length)));
  const table = element('table', 'kfnb-Values-table');
  table.append(
    ...inputs.map(value => row(value, trans.__('saw'))),
    ...outputs.map(value => row(value, trans.__('left')))
  );
  details.append(table);
  return details;
}

function row(value: Value, direction: string): HTMLElement {
  const found = element('tr', '');
  const name = element('th', 'kfnb-Values-name', value.name);
  name.scope = 'row';
  found.append(
    element('td', 'kfnb-Values-way', direction),
    name,
    element('td', 'kfnb-Values-type', value.type ?? ''),
    element('td', 'kfnb-Values-size', value.bytes === null ? '' : formatBytes(value.bytes)),
    element('td', 'kfnb-Values-preview', previewText(value.preview))
  );
  return found;
}

/** A number of bytes in the unit that suits it. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  const number = bytes / 1000 ** power;
  return `${number.toFixed(power === 0 || number >= 100 ? 0 : number >= 10 ? 1 : 2)} ${UNITS[power]}`;
}

function previewText(preview: unknown): string {
  return typeof preview === 'string' ? preview : JSON.stringify(preview);
}
