/** The marks of steps that the form that starts a run changes: in the notebook itself, where each is written. */

import { Notebook } from '@jupyterlab/notebook';

import {
  addValue,
  cellsOfStep,
  changeValue,
  codeCells,
  stepOf,
  WrittenValue,
  writtenValues
} from '../marks/step-marks';

/** What the notebook says of a mark of a step: null if it does not say it. Undefined if no cell is marked as that step. */
export function writtenSetting(notebook: Notebook, step: string, mark: string): WrittenValue | null | undefined {
  const cell = codeCells(notebook).find(model => stepOf(model) === step);
  return cell && (writtenValues(cellsOfStep(notebook, cell), mark)[0] ?? null);
}

/** Writes a mark of a step; an empty text removes it. One undo of the notebook takes it back. */
export function writeSetting(notebook: Notebook, step: string, mark: string, text: string): void {
  const cell = codeCells(notebook).find(model => stepOf(model) === step);
  const written = writtenSetting(notebook, step, mark);
  if (written) {
    changeValue(notebook, mark, written, text || null);
  } else if (cell && text) {
    addValue(notebook, cell, mark, text);
  }
}
