/** The table of a step's inputs and outputs: name, type, size, and a preview of each value. */

import { TranslationBundle } from '@jupyterlab/translation';

import { formatBytes } from '@kfnb/core/format';
import { element } from '@kfnb/core/elements';
import { Value, StepValues } from '@kfnb/core/wire/api-types';

const MAX_OPEN = 8; // with more values than this the table is folded at first

/** The table of the values, which the user can fold; null for a step without inputs and outputs. */
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
    ...inputs.map(value => row(value, trans.__('input'))),
    ...outputs.map(value => row(value, trans.__('output')))
  );
  details.append(table);
  return details;
}

function row(value: Value, direction: string): HTMLElement {
  const tr = element('tr', '');
  const name = element('th', 'kfnb-Values-name', value.name);
  name.scope = 'row';
  tr.append(
    element('td', 'kfnb-Values-way', direction),
    name,
    element('td', 'kfnb-Values-type', value.type ?? ''),
    element('td', 'kfnb-Values-size', value.bytes === null ? '' : formatBytes(value.bytes)),
    element('td', 'kfnb-Values-preview', previewText(value.preview))
  );
  return tr;
}

function previewText(preview: unknown): string {
  return typeof preview === 'string' ? preview : JSON.stringify(preview);
}
