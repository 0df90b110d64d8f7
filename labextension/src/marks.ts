/** Marking cells as steps, by tags: the file stays readable everywhere, and foreign tags stay as they are. */

import { ICellModel } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

import { suggested } from './names';
import { stepName } from './steps';

const STEP = /^\s*step\s*:/;

/** The tags of a cell. */
export function tagsOf(model: ICellModel): string[] {
  const tags: unknown = model.getMetadata('tags');
  return Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : [];
}

/** Make a cell a step of that name; null: no step. One change, which undo takes back. */
export function setStep(notebook: Notebook, model: ICellModel, name: string | null): void {
  const others = tagsOf(model).filter(tag => !STEP.test(tag));
  const tags = name === null ? others : [...others, `step:${name}`];
  // a change of metadata alone is none that undo knows; one of the notebook is
  notebook.model?.sharedModel.transact(() => {
    if (tags.length) {
      model.setMetadata('tags', tags);
    } else {
      model.deleteMetadata('tags');
    }
  });
}

/** A name for a new step that no cell of the notebook has: from what the cell defines, else a number. */
export function freeName(notebook: Notebook, source: string): string {
  const taken = new Set(
    notebook.widgets.map(cell => stepName(cell.model.sharedModel.getSource(), cell.model.metadata))
  );
  const wish = suggested(source);
  if (wish && !taken.has(wish)) {
    return wish;
  }
  let number = wish ? 2 : 1;
  while (taken.has(`${wish || 'step'}-${number}`)) {
    number++;
  }
  return `${wish || 'step'}-${number}`;
}
