import { element } from '../elements';
import { addRows, lineAt } from './line-heights';

const BEYOND = 20; // rows that are drawn above and below those in sight

/** Lines of a log that follow one another without a display between them: as high as all of them, with the rows in sight. */
export class LogSegment {
  readonly node = element('div', 'kfnb-LogWindow-segment');

  /** `first` is the index of its first line. */
  constructor(readonly first: number) {
    this.node.append(this._rows);
  }

  get count(): number {
    return this._begins.length - 1;
  }

  add(lines: readonly string[], columns: number, rowHeight: number): void {
    addRows(this._begins, lines, columns);
    this.node.style.height = `${this._begins[this.count] * rowHeight}px`;
    this._drawn = '';
  }

  /** The pixels from its top to a line. */
  topOf(line: number, rowHeight: number): number {
    return this._begins[line - this.first] * rowHeight;
  }

  /** Draws the rows between two heights, in pixels from its top. */
  draw(top: number, bottom: number, rowHeight: number, makeRow: (line: number) => HTMLElement): void {
    const from = Math.min(this.count, lineAt(this._begins, Math.max(0, Math.floor(top / rowHeight) - BEYOND)));
    const to = Math.min(this.count, lineAt(this._begins, Math.max(0, Math.ceil(bottom / rowHeight) + BEYOND)) + 1);
    const drawn = bottom < 0 ? 'none' : `${from} ${to}`;
    if (drawn === this._drawn) {
      return;
    }
    this._drawn = drawn;
    const rows: HTMLElement[] = [];
    for (let at = from; at < to && bottom >= 0; at++) {
      rows.push(makeRow(this.first + at));
    }
    this._rows.style.transform = `translateY(${this._begins[from] * rowHeight}px)`;
    this._rows.replaceChildren(...rows);
  }

  /** Makes the next `draw` draw its rows anew. */
  forget(): void {
    this._drawn = '';
  }

  private readonly _rows = element('div', 'kfnb-LogWindow-rows');
  private readonly _begins: number[] = [0];
  private _drawn = '';
}
