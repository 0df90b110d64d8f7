/** What the form shows of the active cell, and the changes that it makes. */

import { ICellModel } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

import { cellRole } from '../marks/cell-marks';
import { MARKS, MarkWord } from '../marks/mark-table';
import { contentOf, setRole, setStep } from '../marks/notebook-marks';
import {
  addValue,
  cellsOfStep,
  changeValue,
  NumberedCell,
  stepNames,
  stepOf,
  WrittenValue,
  writtenValues
} from '../marks/step-marks';
import { Problem } from '@kfnb/core/wire/api-types';

export class CellForm {
  constructor(
    private readonly _notebook: Notebook,
    readonly model: ICellModel,
    private readonly _problems: readonly Problem[],
    private readonly _onChange: () => void
  ) {
    this._cells = cellsOfStep(_notebook, model);
  }

  get role(): string | null {
    return cellRole(contentOf(this.model));
  }

  get step(): string | null {
    return stepOf(this.model);
  }

  /** The other steps of the notebook. */
  get otherSteps(): string[] {
    return stepNames(this._notebook).filter(name => name !== this.step);
  }

  /** Whether the cell is a step, or has marks that only a step can have. */
  get hasSettings(): boolean {
    return this.step !== null || (Object.keys(MARKS) as MarkWord[]).some(mark => this.values(mark).length > 0);
  }

  /** The values of a mark in all cells of the step. The name of the step is that of this cell. */
  values(mark: MarkWord): WrittenValue[] {
    const values = writtenValues(this._cells, mark);
    return mark === 'step' ? values.filter(one => one.model === this.model) : values;
  }

  /** What the notebook sets for all steps that do not have the mark. */
  defaultOf(mark: MarkWord): string {
    const settings = this._notebook.model?.getMetadata('kfnb') as { defaults?: Record<string, unknown> } | undefined;
    const values: unknown[] = [settings?.defaults?.[mark] ?? []].flat();
    return values.map(String).join(', ');
  }

  /** What is wrong with a mark of the step. */
  problemsOf(mark: MarkWord): Problem[] {
    const cells = new Set([this.model.id, ...this.values(mark).map(one => one.model.id)]);
    return this._problems.filter(one => one.name === mark && one.cell_id !== null && cells.has(one.cell_id));
  }

  setRole(role: string | null): void {
    setRole(this._notebook, this.model, role);
    this._onChange();
  }

  /** Changes one value, or adds one; an empty text removes the value. */
  set(mark: MarkWord, written: WrittenValue | null, text: string): void {
    if (mark === 'step') {
      setStep(this._notebook, this.model, text || null);
    } else if (written) {
      changeValue(this._notebook, mark, written, text || null);
    } else if (text) {
      addValue(this._notebook, this.model, mark, text);
    }
    this._onChange();
  }

  /** Sets or removes a mark without a value. */
  setFlag(mark: MarkWord, isSet: boolean): void {
    if (isSet) {
      addValue(this._notebook, this.model, mark, '');
    } else {
      this.values(mark).forEach(written => changeValue(this._notebook, mark, written, null));
    }
    this._onChange();
  }

  /** Brings a cell into sight. */
  reveal(model: ICellModel): void {
    this._notebook.activeCellIndex = this._notebook.widgets.findIndex(cell => cell.model === model);
    void this._notebook.scrollToItem(this._notebook.activeCellIndex);
  }

  private readonly _cells: readonly NumberedCell[];
}
