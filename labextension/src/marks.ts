/** Changing the marks of a notebook's cells: each change is one that undo takes back. */

import { ICellModel } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

import { CellText, roleOf, valuesOf, withoutStep, withRole, withValues } from './celltext';
import { suggested } from './names';
import { stepName } from './steps';

/** A cell's text and metadata as they are. */
export function textOf(model: ICellModel): CellText {
  return { source: model.sharedModel.getSource(), metadata: model.sharedModel.getMetadata() };
}

/** Give a cell other values for a word; none: take the mark off. */
export function setValues(notebook: Notebook, model: ICellModel, word: string, values: string[]): void {
  // a change of metadata alone is none that undo knows; one of the notebook is
  notebook.model?.sharedModel.transact(() => write(model, withValues(textOf(model), word, values)));
}

/** Make a cell a step of that name; null: no step. */
export function setStep(notebook: Notebook, model: ICellModel, name: string | null): void {
  notebook.model?.sharedModel.transact(() => {
    const role = roleOf(textOf(model));
    const cell = name !== null && role !== 'metrics' ? withRole(textOf(model), null) : textOf(model);
    write(model, name === null ? withoutStep(cell) : withValues(cell, 'step', [name]));
  });
}

/** Give a cell a role of its own; null: none. A cell that has one is no step, unless it records numbers. */
export function setRole(notebook: Notebook, model: ICellModel, role: string | null): void {
  notebook.model?.sharedModel.transact(() => {
    const cell = role === null || role === 'metrics' ? textOf(model) : withoutStep(textOf(model));
    write(model, withRole(cell, role));
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
          const values = valuesOf(textOf(model), word);
          if (values.includes(before)) {
            const others = values.map(value => (value === before ? now : value));
            write(model, withValues(textOf(model), word, others));
          }
        }
      }
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

/** Only what differs is touched. */
function write(model: ICellModel, cell: CellText): void {
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
