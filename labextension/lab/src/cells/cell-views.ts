/** The badges and logs on the cells of one notebook, and the navigation to them. */

import { Cell, CodeCell } from '@jupyterlab/cells';
import { NotebookPanel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { PanelLayout } from '@lumino/widgets';

import { BadgeQueue } from './badge-queue';
import { BadgeActions, StepBadge } from './step-badge';
import { StepLog } from './step-log';
import { Change, NotebookSession } from '../session/notebook-session';
import { stepName } from '../marks/step-name';

const CLOCK_INTERVAL = 250; // milliseconds between two updates of the durations of running steps
const FRAME_BUDGET = 4; // milliseconds of a frame in which badges out of sight are updated

export class CellViews implements BadgeActions, IDisposable {
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _session: NotebookSession,
    private readonly _trans: TranslationBundle,
    private readonly _openStepMenu: (step: string, x: number, y: number) => void
  ) {
    this._queue = new BadgeQueue(_panel.content, cell => this._createBadge(cell));
    _panel.content.modelChanged.connect(this._onModelChanged, this);
    _session.changed.connect(this._refresh, this);
    _panel.disposed.connect(() => this.dispose());
    this._onModelChanged();
  }

  /** Scrolls to the first cell of a step and activates it. */
  reveal(step: string): Cell | null {
    const notebook = this._panel.content;
    const at = notebook.widgets.findIndex(cell => this._belongsTo(cell, step));
    return at < 0 ? null : this._activate(at);
  }

  /** Scrolls to a line of a cell and selects it. `first` is the number of the first line of the cell's code. */
  async revealLine(
    cell: { id?: string | null; number?: number | null },
    line: number | null,
    first = 1
  ): Promise<Cell | null> {
    const code = this._panel.content.widgets.filter(widget => widget.model.type === 'code');
    const target =
      code.find(widget => widget.model.id === cell.id) ?? (cell.number ? code[cell.number - 1] : undefined) ?? null;
    if (!target) {
      return null;
    }
    this._activate(this._panel.content.widgets.indexOf(target));
    await target.ready;
    // in the meantime the notebook moves the focus to its active cell
    await new Promise(done => window.setTimeout(done));
    const editor = target.editor;
    const at = line === null ? -1 : line - first;
    if (editor && at >= 0 && at < editor.lineCount) {
      // in command mode, the letters that the user types would be commands
      this._panel.content.mode = 'edit';
      editor.focus();
      editor.revealPosition({ line: at, column: 0 });
      editor.setSelection({
        start: { line: at, column: 0 },
        end: { line: at, column: editor.getLine(at)?.length ?? 0 }
      });
    }
    return target;
  }

  /** Opens the log of a step under its cell, and goes there. */
  showLog(step: string): void {
    const cell = this.reveal(step);
    if (cell) {
      const log = this._openLog(cell, step);
      // in the meantime the notebook moves the focus to its active cell
      window.setTimeout(() => log.focus());
    }
  }

  toggleLog(cell: Cell, step: string): void {
    const open = this._openLogOf(cell);
    if (open?.step === step) {
      open.dispose();
    } else {
      this._openLog(cell, step).focus();
    }
  }

  openMenu(cell: Cell, step: string, x: number, y: number): void {
    this._panel.content.activeCellIndex = this._panel.content.widgets.indexOf(cell);
    this._openStepMenu(step, x, y);
  }

  private _openLogOf(cell: Cell): StepLog | null {
    const log = this._logs.get(cell);
    return log && !log.isDisposed ? log : null;
  }

  private _openLog(cell: Cell, step: string): StepLog {
    const open = this._openLogOf(cell);
    if (open?.step === step) {
      return open;
    }
    open?.dispose();
    const leave = () => this._badgeOf(cell)?.focusLogButton(step);
    const log = new StepLog(this._session, this._panel.content.rendermime, this._trans, step, leave);
    log.disposed.connect(() => this._badgeOf(cell)?.showLogOpen(null));
    this._badgeOf(cell)?.showLogOpen(step);
    this._logs.set(cell, log);
    (cell.layout as PanelLayout).addWidget(log);
    return log;
  }

  private _belongsTo(cell: Cell, step: string): boolean {
    if (cell.model.type !== 'code') {
      return false;
    }
    const marked = stepName(cell.model.sharedModel.getSource(), cell.model.metadata);
    return marked === step || (marked === null && this._session.stepsOf(cell.model.id).includes(step));
  }

  private _activate(at: number): Cell {
    const notebook = this._panel.content;
    notebook.activeCellIndex = at;
    notebook.deselectAll();
    void notebook.scrollToItem(at, 'smart');
    return notebook.widgets[at];
  }

  // ------------------------------------------------------------------ badges
  private _onModelChanged(): void {
    this._panel.content.model?.cells.changed.connect(this._queue.addCells, this._queue);
    this._queue.addCells();
  }

  private _createBadge(cell: CodeCell): void {
    const badge = new StepBadge(cell, this._session, this, this._trans);
    this._badges.set(badge.node, badge);
    if (this._timer !== 0) {
      this._sight.observe(badge.node);
    }
    badge.showLogOpen(this._openLogOf(cell)?.step ?? null);
    badge.disposed.connect(() => this._forget(badge));
    // the widget at 0 is the header of the cell, which belongs to the notebook
    (cell.layout as PanelLayout).insertWidget(1, badge);
  }

  private _badgeOf(cell: Cell): StepBadge | undefined {
    return [...this._badges.values()].find(badge => badge.cell === cell);
  }

  private _forget(badge: StepBadge): void {
    this._sight.unobserve(badge.node);
    this._badges.delete(badge.node);
    this._inSight.delete(badge);
    this._late.delete(badge);
  }

  private _refresh(_: NotebookSession, change: Change): void {
    if (change === 'run') {
      this._badges.forEach(badge => this._late.add(badge));
      this._refreshLate();
    } else {
      this._badges.forEach(badge => (change === 'sources' ? badge.refreshEdited() : badge.refresh()));
    }
    if (this._session.active && this._timer === 0) {
      this._timer = window.setInterval(() => this._badges.forEach(badge => badge.refreshClock()), CLOCK_INTERVAL);
      this._badges.forEach(badge => this._sight.observe(badge.node));
    } else if (!this._session.active && this._timer !== 0) {
      window.clearInterval(this._timer);
      this._timer = 0;
      this._sight.disconnect();
      this._inSight.clear();
    }
  }

  /** Updates the badges in sight, and the others in this and the next frames: hundreds at once would hold the page up. */
  private _refreshLate(): void {
    window.cancelAnimationFrame(this._frame);
    const end = performance.now() + FRAME_BUDGET;
    for (const badge of this._inSight) {
      badge.refreshProgress();
      this._late.delete(badge);
    }
    for (const badge of this._late) {
      if (performance.now() > end) {
        this._frame = window.requestAnimationFrame(() => this._refreshLate());
        return;
      }
      badge.refreshProgress();
      this._late.delete(badge);
    }
  }

  private _onSight(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const badge = this._badges.get(target);
      if (badge && isIntersecting) {
        this._inSight.add(badge);
      } else if (badge) {
        this._inSight.delete(badge);
      }
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      window.clearInterval(this._timer);
      window.cancelAnimationFrame(this._frame);
      this._sight.disconnect();
      this._queue.dispose();
      this._session.changed.disconnect(this._refresh, this);
    }
  }

  private _isDisposed = false;
  private _timer = 0;
  private readonly _queue: BadgeQueue;
  private readonly _badges = new Map<Element, StepBadge>(); // by their nodes
  private readonly _late = new Set<StepBadge>(); // which do not show the run's last change yet
  private readonly _inSight = new Set<StepBadge>(); // known while a run goes on: the browser looks at each frame
  private readonly _sight = new IntersectionObserver(entries => this._onSight(entries));
  private _frame = 0;
  private readonly _logs = new WeakMap<Cell, StepLog>();
}
