/** The values of a step, each in the form that suits it, unfolded. */

import { StepValues, Value } from '@kfnb/core/wire/api-types';
import { Attempt } from '../../lab/src/outputs/attempt';
import { valuesTable } from '../../lab/src/outputs/values-table';
import { ATTEMPT, VALUE_PAGES, VALUES } from './fixtures/value-fixtures';
import { Answers, storyClient } from './server';
import { narrow, Story, TRANS } from './story';

const { run, path } = ATTEMPT;

/** The table of the values that have these names, with each of them unfolded. */
function valueStory(key: string, ...names: string[]): Story {
  const answers: Answers = Object.fromEntries(
    names
      .filter(name => name in VALUE_PAGES)
      .map(name => [`GET runs/${run}/steps/${path}/values/${name}`, VALUE_PAGES[name]])
  );
  const named = (values: Value[]) => values.filter(value => names.includes(value.name));
  const values: StepValues = { inputs: named(VALUES.inputs), outputs: named(VALUES.outputs) };
  return narrow({
    key,
    draw(place) {
      const attempt = new Attempt(storyClient(answers), run, path, 0, () => false);
      const table = valuesTable(values, attempt, TRANS)!;
      place.append(table);
      table.querySelectorAll<HTMLButtonElement>('.kfnb-Values-open').forEach(button => button.click());
    }
  });
}

export const VALUE_STORIES: Record<string, Story> = {
  'value-table': valueStory('.kfnb-Value-table', 'sales', 'rows'),
  'value-pictures': valueStory('.kfnb-Value-image', 'figure', 'page'),
  'value-texts': {
    ...valueStory('.kfnb-Value-tree', 'model', 'settings', 'notes', 'gone', 'empty', 'later'),
    widths: [400, 700] // also as beside the graph of a run
  }
};
