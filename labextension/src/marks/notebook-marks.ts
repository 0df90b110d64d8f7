/** Changing the marks of a notebook's cells: each change is one that undo takes back. */

import { ICellModel } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

import { CellContent, cellRole, markValues, withoutStep, withRole, withMarkValues } from './cell-marks';
import { suggestedName } from './suggested-name';
import { stepName } from './step-name';

/** A cell's text and metadata as they are. */
export function contentOf(model: ICellModel): CellContent {
  return { source: model.sharedModel.getSource(), metadata: model.sharedModel.getMetadata() };
}

/** Give a cell other values for a word; none: take the mark off. */
export function setMark(notebook: Notebook, model: ICellModel, mark: string, values: string[]): void {
  // a change of metadata alone is none that undo knows; one of the notebook is
  notebook.model?.sharedModel.transact(() => updateCell(model, withMarkValues(contentOf(model), mark, values)));
}

/** Make a cell a step of that name; null: no step. */
export function setStep(notebook: Notebook, model: ICellModel, name: string | null): void {
  notebook.model?.sharedModel.transact(() => {
    const role = cellRole(contentOf(model));
    const cell = name !== null && role !== 'metrics' ? withRole(contentOf(model), null) : contentOf(model);
    updateCell(model, name === null ? withoutStep(cell) : withMarkValues(cell, 'step', [name]));
  });
}

/** Give a cell a role of its own; null: none. A cell that has one is no step, unless it records numbers. */
export function setRole(notebook: Notebook, model: ICellModel, role: string | null): void {
  notebook.model?.sharedModel.transact(() => {
    const cell = role === null || role === 'metrics' ? contentOf(model) : withoutStep(contentOf(model));
    updateCell(model, withRole(cell, role));
  });
}

/** Give the cell of that id a tag that a problem offers: `functions`, `step:setup`. */
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

/** Rename a step in all of its cells, and in those that run after it. */
export function renameStep(notebook: Notebook, before: string, now: string): void {
  notebook.model?.sharedModel.transact(() => {
    for (const { model } of notebook.widgets) {
      if (model.type === 'code') {
        for (const word of ['step', 'after']) {
          const values = markValues(contentOf(model), word);
          if (values.includes(before)) {
            const others = values.map(value => (value === before ? now : value));
            updateCell(model, withMarkValues(contentOf(model), word, others));
          }
        }
      }
    }
  });
}

/** A name for a new step that no cell of the notebook has: from what the cell defines, else a number. */
export function newStepName(notebook: Notebook, source: string): string {
  const taken = new Set(
    notebook.widgets.map(cell => stepName(cell.model.sharedModel.getSource(), cell.model.metadata))
  );
  const wish = suggestedName(source);
  if (wish && !taken.has(wish)) {
    return wish;
  }
  let number = wish ? 2 : 1;
  while (taken.has(`${wish || 'step'}-${number}`)) {
    number++;
  }
  return `${wish || 'step'}-${number}`;
}

/** Only what differs is touched. */
function updateCell(model: ICellModel, cell: CellContent): void {
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
