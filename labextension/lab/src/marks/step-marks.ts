/** The marks of a step in an open notebook, whichever of its cells has them and wherever they are written there. */

import { ICellModel } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

import { Place, placedValues, placeOf, PlacedValue, withPlacedValues } from './cell-marks';
import { contentOf, updateCell } from './notebook-marks';
import { stepName } from './step-name';

/** A value of a mark of a step, as it is written in one of its cells. */
export interface WrittenValue {
  value: string;
  place: Place;
  model: ICellModel;
  /** The number of the cell among the code cells, from 1, as in the messages of problems. */
  cell: number;
  /** The position among the values of the mark in this cell. */
  at: number;
}

/** The name of the step that a cell is marked as; null if it is not marked as a step. */
export function stepOf(model: ICellModel): string | null {
  return stepName(model.sharedModel.getSource(), model.metadata);
}

/** The code cells of the notebook. */
export function codeCells(notebook: Notebook): ICellModel[] {
  return notebook.widgets.map(({ model }) => model).filter(model => model.type === 'code');
}

/** The names of the notebook's steps, in the order of their first cells. */
export function stepNames(notebook: Notebook): string[] {
  return [...new Set(codeCells(notebook).flatMap(model => stepOf(model) ?? []))];
}

/** A code cell and its number among the code cells, from 1. */
export interface NumberedCell {
  model: ICellModel;
  number: number;
}

/** All cells of the step of a cell; this cell alone if it is not marked as a step. */
export function cellsOfStep(notebook: Notebook, model: ICellModel): NumberedCell[] {
  const step = stepOf(model);
  return codeCells(notebook)
    .map((other, index) => ({ model: other, number: index + 1 }))
    .filter(other => other.model === model || (step !== null && stepOf(other.model) === step));
}

/** The values of a mark in these cells. */
export function writtenValues(cells: readonly NumberedCell[], mark: string): WrittenValue[] {
  return cells.flatMap(({ model, number }) =>
    placedValues(contentOf(model), mark).map((one, at) => ({ ...one, model, cell: number, at }))
  );
}

/** Changes a value where it is written; null removes it. A value that is not there any more stays as it is. */
export function changeValue(notebook: Notebook, mark: string, written: WrittenValue, value: string | null): void {
  const now = placedValues(contentOf(written.model), mark);
  if (now[written.at]?.value === written.value) {
    const changed: PlacedValue[] = value === null ? [] : [{ value, place: written.place }];
    write(
      notebook,
      written.model,
      mark,
      now.flatMap((one, at) => (at === written.at ? changed : [one]))
    );
  }
}

/** Adds a value of a mark in the cell of the step that has others of it, else in this cell. */
export function addValue(notebook: Notebook, model: ICellModel, mark: string, value: string): void {
  const target = writtenValues(cellsOfStep(notebook, model), mark).pop()?.model ?? model;
  const place = placeOf(contentOf(target), mark);
  write(notebook, target, mark, [...placedValues(contentOf(target), mark), { value, place }]);
}

function write(notebook: Notebook, model: ICellModel, mark: string, values: PlacedValue[]): void {
  notebook.model?.sharedModel.transact(() => updateCell(model, withPlacedValues(contentOf(model), mark, values)));
}
