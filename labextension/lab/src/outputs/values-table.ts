/** The table of a step's inputs and outputs: name, type, size, and a preview of each, which unfolds to the value itself. */

import { TranslationBundle } from '@jupyterlab/translation';

import { formatBytes } from '@kfnb/core/format';
import { element } from '@kfnb/core/elements';
import { Value, StepValues } from '@kfnb/core/wire/api-types';
import { Attempt, Way } from './attempt';
import { valueView } from './value-view';

const MAX_OPEN = 8; // with more values than this the table is folded at first

/** The table of the values, which the user can fold; null for a step without inputs and outputs. */
export function valuesTable(values: StepValues, attempt: Attempt, trans: TranslationBundle): HTMLElement | null {
  const { inputs, outputs } = values;
  if (inputs.length + outputs.length === 0) {
    return null;
  }
  const details = element('details', 'kfnb-Values');
  details.open = inputs.length + outputs.length <= MAX_OPEN;
  details.append(element('summary', '', trans.__('Inputs: %1, outputs: %2', inputs.length, outputs.length)));
  const table = element('table', 'kfnb-Values-table');
  const add = (value: Value, way: Way) => {
    const opened = element('tr', 'kfnb-Values-opened');
    opened.hidden = true;
    const cell = element('td', '');
    cell.colSpan = 5;
    opened.append(cell);
    const toggle = (button: HTMLButtonElement) => {
      opened.hidden = !opened.hidden;
      button.setAttribute('aria-expanded', String(!opened.hidden));
      cell.replaceChildren(opened.hidden ? '' : valueView(attempt, value.name, way, trans));
    };
    table.append(row(value, way === 'inputs' ? trans.__('input') : trans.__('output'), toggle), opened);
  };
  inputs.forEach(value => add(value, 'inputs'));
  outputs.forEach(value => add(value, 'outputs'));
  details.append(table);
  return details;
}

function row(value: Value, direction: string, toggle: (button: HTMLButtonElement) => void): HTMLElement {
  const tr = element('tr', '');
  const name = element('th', 'kfnb-Values-name');
  name.scope = 'row';
  const open = element('button', 'kfnb-Values-open', value.name);
  open.type = 'button';
  open.setAttribute('aria-expanded', 'false');
  open.addEventListener('click', () => toggle(open));
  name.append(open);
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
