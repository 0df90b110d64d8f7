/** Changes the marks of cells in an open notebook. One undo reverts each change. */

import { ICellModel } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

import { CellContent, cellRole, markValues, withoutStep, withRole, withMarkValues } from './cell-marks';
import { suggestedName } from './suggested-name';
import { stepName } from './step-name';

/** The source and the metadata of a cell. */
export function contentOf(model: ICellModel): CellContent {
  return { source: model.sharedModel.getSource(), metadata: model.sharedModel.getMetadata() };
}

/** Sets the values of a mark; without values the mark is removed. */
export function setMark(notebook: Notebook, model: ICellModel, mark: string, values: string[]): void {
  // undo covers a change of metadata only inside a transaction of the notebook
  notebook.model?.sharedModel.transact(() => updateCell(model, withMarkValues(contentOf(model), mark, values)));
}

/** Marks a cell as a step; null removes the mark. */
export function setStep(notebook: Notebook, model: ICellModel, name: string | null): void {
  notebook.model?.sharedModel.transact(() => {
    const role = cellRole(contentOf(model));
    const cell = name !== null && role !== 'metrics' ? withRole(contentOf(model), null) : contentOf(model);
    updateCell(model, name === null ? withoutStep(cell) : withMarkValues(cell, 'step', [name]));
  });
}

/** Marks cells as steps: the names of the steps by the ids of the cells. */
export function setSteps(notebook: Notebook, steps: ReadonlyMap<string, string>): void {
  notebook.model?.sharedModel.transact(() => {
    for (const { model } of notebook.widgets) {
      const name = steps.get(model.id);
      if (name !== undefined) {
        updateCell(model, withMarkValues(contentOf(model), 'step', [name]));
      }
    }
  });
}

/** Sets the role of a cell; null removes it. A cell with a role is no step, except for the role `metrics`. */
export function setRole(notebook: Notebook, model: ICellModel, role: string | null): void {
  notebook.model?.sharedModel.transact(() => {
    const cell = role === null || role === 'metrics' ? contentOf(model) : withoutStep(contentOf(model));
    updateCell(model, withRole(cell, role));
  });
}

/** Adds a mark that a problem proposes to the cell with this id: `functions`, `step:setup`. */
export function addMark(notebook: Notebook, id: string | null, mark: string): void {
  const model = notebook.widgets.find(cell => cell.model.id === id)?.model;
  if (model === undefined) {
    return;
  }
  if (mark.startsWith('step:')) {
    setStep(notebook, model, mark.slice('step:'.length));
  } else {
    setRole(notebook, model, mark);
  }
}

/** Renames a step in all of its cells and in the `after` marks of other cells. */
export function renameStep(notebook: Notebook, before: string, now: string): void {
  notebook.model?.sharedModel.transact(() => {
    for (const { model } of notebook.widgets) {
      if (model.type === 'code') {
        for (const word of ['step', 'after']) {
          const values = markValues(contentOf(model), word);
          if (values.includes(before)) {
            const renamed = values.map(value => (value === before ? now : value));
            updateCell(model, withMarkValues(contentOf(model), word, renamed));
          }
        }
      }
    }
  });
}

/** An unused name for a new step: the one that its code suggests, else a numbered one. */
export function newStepName(notebook: Notebook, source: string): string {
  const taken = new Set(
    notebook.widgets.map(cell => stepName(cell.model.sharedModel.getSource(), cell.model.metadata))
  );
  const suggestion = suggestedName(source);
  if (suggestion && !taken.has(suggestion)) {
    return suggestion;
  }
  let number = suggestion ? 2 : 1;
  while (taken.has(`${suggestion || 'step'}-${number}`)) {
    number++;
  }
  return `${suggestion || 'step'}-${number}`;
}

/** Writes the source and the metadata keys that differ. */
export function updateCell(model: ICellModel, cell: CellContent): void {
  const shared = model.sharedModel;
  if (cell.source !== shared.getSource()) {
    shared.setSource(cell.source);
  }
  for (const key of ['tags', 'kfnb']) {
    const value = cell.metadata[key];
    if (value === undefined) {
      model.deleteMetadata(key);
    } else if (JSON.stringify(value) !== JSON.stringify(model.getMetadata(key))) {
      model.setMetadata(key, value);
    }
  }
}
