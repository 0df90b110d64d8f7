/**
 * Gives each code cell of a notebook its badge: at once to those in sight, to the others when all cells are rendered.
 * For each cell that JupyterLab renders, the browser goes through the whole page, so that badges make that slower.
 */

import { Cell, CodeCell } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';

const FRAME_BUDGET = 4; // milliseconds of a frame in which badges are made

export class BadgeQueue {
  /** `create` gives a cell its badge. */
  constructor(
    private readonly _notebook: Notebook,
    private readonly _create: (cell: CodeCell) => void
  ) {
    _notebook.node.addEventListener('scroll', this._onScroll, { capture: true, passive: true });
  }

  /** Takes in the cells that are new. May be called at any time. */
  addCells(): void {
    for (const cell of this._notebook.widgets) {
      if (!this._known.has(cell)) {
        this._known.add(cell);
        // a cell outside the visible part of the notebook has no layout yet
        void cell.ready.then(() => this._onRendered(cell));
      }
    }
  }

  private _onRendered(cell: Cell): void {
    if (cell instanceof CodeCell && !cell.isDisposed) {
      this._waiting.add(cell);
      this._createInSight([cell]); // JupyterLab asks for its place now, too
    }
    if (!this._notebook.widgets.some(other => other.isPlaceholder())) {
      this._createAll();
    }
  }

  private readonly _onScroll = () => {
    if (this._waiting.size > 0) {
      this._createInSight([...this._waiting]);
    }
  };

  private _createInSight(cells: CodeCell[]): void {
    const sight = this._notebook.node.getBoundingClientRect();
    const inSight = cells.filter(({ node }) => {
      const { top, bottom } = node.getBoundingClientRect();
      return bottom > sight.top && top < sight.bottom;
    });
    inSight.forEach(cell => this._take(cell));
  }

  /** Makes the badges of all cells that wait, in this and the next frames: hundreds at once would hold the page up. */
  private _createAll(): void {
    window.cancelAnimationFrame(this._frame);
    const end = performance.now() + FRAME_BUDGET;
    for (const cell of this._waiting) {
      if (performance.now() > end) {
        this._frame = window.requestAnimationFrame(() => this._createAll());
        return;
      }
      this._take(cell);
    }
  }

  private _take(cell: CodeCell): void {
    this._waiting.delete(cell);
    if (!cell.isDisposed) {
      this._create(cell);
    }
  }

  dispose(): void {
    this._waiting.clear();
    window.cancelAnimationFrame(this._frame);
    this._notebook.node.removeEventListener('scroll', this._onScroll, { capture: true });
  }

  private readonly _known = new WeakSet<Cell>();
  private readonly _waiting = new Set<CodeCell>();
  private _frame = 0;
}
