/** The badge above a cell: the step, its inputs and outputs, its problems, and its state in the run. */

import { Cell } from '@jupyterlab/cells';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { BadgeParts } from './badge-parts';
import { button, element, setText } from '@kfnb/core/elements';
import { formatDuration } from '@kfnb/core/format';
import { stepLabel } from '@kfnb/core/graph/surroundings';
import { clusterReason, StepProgress } from '@kfnb/core/run/run-progress';
import { NotebookSession } from '../session/notebook-session';
import { hue, SHAPES, State, words } from '@kfnb/core/states';
import { problemLine } from '../problems/problem-words';
import { stepName } from '../marks/step-name';
import { OtherCell, StepInfo } from '@kfnb/core/wire/api-types';

const MAX_STEPS = 12; // steps that the badge of one cell lists

/** The actions behind the buttons of a badge. */
export interface BadgeActions {
  toggleLog(cell: Cell, step: string): void;
  openMenu(cell: Cell, step: string, x: number, y: number): void;
}

export class StepBadge extends Widget {
  constructor(
    readonly cell: Cell,
    private readonly _session: NotebookSession,
    private readonly _actions: BadgeActions,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-Badge');
    this.addClass('kfnb-Controls');
    this._words = words(_trans);
    this._name = this._parts.show('name', () => element('span', 'kfnb-Badge-name'));
    cell.model.metadataChanged.connect(this.refresh, this);
    cell.model.contentChanged.connect(this._onContentChanged, this);
    this.refresh();
  }

  /** Says which step's log is open below the cell; null if none is. */
  showLogOpen(step: string | null): void {
    this._openLog = step;
    this._log?.setAttribute('aria-expanded', String(step !== null && step === this._step));
    this._chips.forEach((chip, name) => chip.setAttribute('aria-expanded', String(name === step)));
  }

  /** Gives the focus to the button that opens the log of a step. */
  focusLogButton(step: string): void {
    const opener = this._chips.get(step) ?? this._log;
    (opener === null || this.isHidden ? this.cell.node : opener).focus();
  }

  /** Updates the state of the run if it has changed. */
  refreshProgress(): void {
    this._keepFocus(() => this._refreshProgress());
  }

  /** Updates everything. */
  refresh(): void {
    this._keepFocus(() => this._refresh());
  }

  /** Makes a change. A button that it hides or removes hands the focus to the next one, and a whole badge to its cell. */
  private _keepFocus(change: () => void): void {
    const focused = document.activeElement;
    const isMine = focused instanceof HTMLElement && this.node.contains(focused);
    change();
    if (isMine && (this.isHidden || !this.node.contains(focused))) {
      const next = this.isHidden ? null : this.node.querySelector('button');
      (next ?? this.cell.node).focus();
    }
  }

  private _refreshProgress(): void {
    const steps = this._session.stepsOf(this.cell.model.id);
    const several = steps.length > 1;
    const progresses = (several ? steps : [this._step]).map(step => this._session.progress(step));
    if (
      progresses.length === this._shownProgress.length &&
      progresses.every((progress, at) => progress === this._shownProgress[at])
    ) {
      return;
    }
    this._shownProgress = progresses;
    if (several) {
      this._showSteps(steps);
    } else {
      this._showProgress(this._step);
    }
  }

  private _refresh(): void {
    const source = this.cell.model.sharedModel.getSource();
    const marked = stepName(source, this.cell.model.metadata);
    this._markedStep = marked;
    const steps = this._session.stepsOf(this.cell.model.id);
    const several = steps.length > 1;
    this._shownProgress = (several ? steps : [marked ?? steps[0] ?? '']).map(step => this._session.progress(step));
    this._step = several ? '' : (marked ?? steps[0] ?? '');
    const role = this._step || several ? null : this._session.compiled.otherRole(this.cell.model.id);
    this.setHidden(!this._step && !several && role === null);
    this.node.classList.toggle('kfnb-mod-several', several);
    this.node.classList.toggle('kfnb-mod-other', role !== null);
    if (several) {
      this._showSteps(steps);
    } else if (this._step) {
      this._showStep(this._step);
    } else if (role !== null) {
      this._showRole(role);
    }
    this._showProblems();
    this.refreshEdited();
    this.showLogOpen(this._openLog);
  }

  /** Updates the duration and the last line of a running step. */
  refreshClock(): void {
    const progress = this._step ? this._session.progress(this._step) : null;
    if (progress?.state === 'running') {
      this._parts.say('time', this._durationText(progress));
      this._showLastLine();
    }
  }

  /** Updates the badge only if typing has changed the step of the cell, which most keys do not. */
  private _onContentChanged(): void {
    if (stepName(this.cell.model.sharedModel.getSource(), this.cell.model.metadata) !== this._markedStep) {
      this.refresh();
    } else {
      this.refreshEdited();
    }
  }

  /** Says that the cell has other code than the run whose state it shows. */
  refreshEdited(): void {
    const { id, sharedModel } = this.cell.model;
    const edited = this._session.ranSources.isChanged(id, sharedModel.getSource());
    this._parts.say('edited', edited ? this._trans.__('changed since this run') : '');
  }

  private _showLastLine(): void {
    const printed = this._step ? this._session.lastLine(this._step) : null;
    const percent = printed?.percent ?? null;
    this.node.classList.toggle('kfnb-mod-progress', percent !== null);
    if (percent !== null) {
      this.node.style.setProperty('--kfnb-percent', `${percent}%`);
    }
    const progress = this._step ? this._session.progress(this._step) : null;
    const line = printed?.line ?? (progress ? clusterReason(progress) : '');
    this._parts.say('line', line, line);
  }

  private _showStep(step: string): void {
    const info = this._session.compiled.step(step);
    if (this._name.textContent !== step || this._name.childElementCount) {
      this._name.replaceChildren(step);
      this._chips.clear();
      this.node.style.setProperty('--kfnb-hue', String(hue(step)));
    }
    this._name.title = this._trans.__('Pipeline step %1', step);
    this._parts.say('flow', info ? dataFlowText(info) : '', info ? this._dataFlowTitle(info) : '');
    this._parts.say('mark', info ? this._marksText(info) : '');
    this._parts.show('menu', () => this._newMenuButton());
    this._showProgress(step);
  }

  /** Shows what a cell is that is in no step. */
  private _showRole(role: OtherCell['role']): void {
    const [name, title] = {
      shared: [this._trans.__('shared'), this._trans.__('Steps that need this code run it themselves')],
      parameters: [this._trans.__('parameters'), this._trans.__('The parameters of the pipeline')],
      outside: [this._trans.__('not in the pipeline'), this._trans.__('No step runs this cell. Mark it to make it one')]
    }[role];
    this._name.replaceChildren(name);
    this._chips.clear();
    this._name.title = title;
    this._showNoProgress();
  }

  /** Takes away what only the badge of one step has. */
  private _showNoProgress(): void {
    for (const part of ['flow', 'mark', 'time', 'line', 'menu'] as const) {
      this._parts.remove(part);
    }
    this.node.classList.remove('kfnb-mod-progress');
    this._setState(null, '');
    this._showLogButton(false);
  }

  private _newMenuButton(): HTMLElement {
    const menu = button('kfnb-Badge-button', this._trans.__('More for this step'), '⋯', () => {
      const { left, bottom } = menu.getBoundingClientRect();
      this._actions.openMenu(this.cell, this._step, left, bottom);
    });
    menu.setAttribute('aria-haspopup', 'menu');
    return menu;
  }

  private _showLogButton(show: boolean): void {
    if (show === (this._log !== null)) {
      return;
    }
    this._log = null;
    this._parts.remove('log');
    if (show) {
      const label = this._trans.__('Show the log of this step');
      const log = button('kfnb-Badge-button', label, '≡', () => this._actions.toggleLog(this.cell, this._step));
      this._log = this._parts.show('log', () => log);
      this.showLogOpen(this._openLog);
    }
  }

  private _showProgress(step: string): void {
    const progress = this._session.progress(step);
    const lost = progress && isUnderWay(progress) ? this._session.lostContact : null;
    this.node.classList.toggle('kfnb-mod-lost', lost !== null);
    const text = progress ? this._stateText(progress) : '';
    const title = lost ? this._trans.__('last seen: %1', text) : (progress?.reason ?? '');
    this._setState(progress?.state ?? null, lost ? this._trans.__('? no contact') : text, title);
    this._parts.say('time', progress ? this._durationText(progress) : '');
    this._showLastLine();
    this._showLogButton(progress !== null && progress.attempts > 0);
  }

  private _showSteps(steps: string[]): void {
    const shown = steps.slice(0, MAX_STEPS);
    if (shown.join() !== [...this._chips.keys()].join()) {
      this._chips.clear();
      shown.forEach(step => this._chips.set(step, this._newChip(step)));
      this._name.replaceChildren(...this._chips.values());
      if (steps.length > MAX_STEPS) {
        this._name.append(element('span', 'kfnb-Badge-more', `+${steps.length - MAX_STEPS}`));
      }
    }
    this._chips.forEach((chip, step) => this._showChip(chip, step));
    this._showNoProgress();
  }

  private _newChip(step: string): HTMLButtonElement {
    const chip = button('kfnb-Badge-chip', step, step, () => this._actions.toggleLog(this.cell, step));
    chip.style.setProperty('--kfnb-hue', String(hue(step)));
    return chip;
  }

  private _showChip(chip: HTMLButtonElement, step: string): void {
    const progress = this._session.progress(step);
    const name = stepLabel(this._session.stepLabel(step), this._trans);
    const text = progress ? `${SHAPES[progress.state]} ${name}` : name;
    const label = progress ? `${name}: ${this._words[progress.state]}` : name;
    setText(chip, text);
    chip.title = label;
    chip.setAttribute('aria-label', label);
    chip.dataset.state = progress?.state ?? '';
  }

  private _setState(state: State | null, text: string, title = ''): void {
    this._parts.say('state', text, title);
    this.node.dataset.state = state ?? '';
  }

  private _stateText(progress: StepProgress): string {
    const word = `${SHAPES[progress.state]} ${this._words[progress.state]}`;
    const items = progress.iterations ? ` ${progress.endedIterations}/${progress.iterations}` : '';
    const tries =
      progress.attempts > 1 && !progress.iterations ? this._trans.__(' · attempt %1', progress.attempts) : '';
    return word + items + tries;
  }

  private _durationText(progress: StepProgress): string {
    if (progress.started === null || progress.state === 'skipped' || progress.state === 'omitted') {
      return '';
    }
    const now = this._session.lostContact?.since ?? Date.now() / 1000;
    const end = progress.finished ?? (progress.state === 'running' ? now : progress.started);
    return formatDuration(end - progress.started);
  }

  private _marksText(info: StepInfo): string {
    const marks = [];
    if (info.when) {
      marks.push(this._trans.__('if %1', info.when));
    }
    if (info.foreach) {
      marks.push(this._trans.__('for each %1', info.foreach));
    }
    if (info.exit) {
      marks.push(this._trans.__('at the end, always'));
    }
    if (info.settings.on_failure === 'continue') {
      marks.push(this._trans.__('may fail'));
    }
    return marks.join(' · ');
  }

  private _dataFlowTitle(info: StepInfo): string {
    const reads = info.inputs.length ? this._trans.__('reads %1', info.inputs.join(', ')) : '';
    const writes = info.outputs.length ? this._trans.__('hands on %1', info.outputs.join(', ')) : '';
    return [reads, writes].filter(Boolean).join('; ');
  }

  private _showProblems(): void {
    const problems = (this._session.compiled.explanation?.problems ?? []).filter(p => p.cell_id === this.cell.model.id);
    const serious = problems.filter(p => p.severity !== 'info');
    const error = serious.some(p => p.severity === 'error');
    const text = serious.length ? `${error ? '✗' : '⚠'} ${serious.length}` : '';
    const lines = serious.map(one => problemLine(one, this._trans)).join('\n');
    this._parts.say('problems', text, lines)?.classList.toggle('kfnb-mod-error', error);
  }

  private _step = '';
  private _openLog: string | null = null; // the step whose log is open below the cell
  private readonly _chips = new Map<string, HTMLButtonElement>(); // of a cell with several steps
  private _markedStep: string | null = null; // the step that the cell's own marks name
  private _shownProgress: (StepProgress | null)[] = [];
  private readonly _words: Record<State, string>;
  private readonly _parts = new BadgeParts(this.node);
  private readonly _name: HTMLElement;
  private _log: HTMLElement | null = null; // the button that opens the log
}

function isUnderWay(progress: StepProgress): boolean {
  return progress.state === 'pending' || progress.state === 'running';
}

function dataFlowText(info: StepInfo): string {
  const reads = info.inputs.join(', ');
  const writes = info.outputs.join(', ');
  return reads || writes ? `${reads} → ${writes}`.trim() : '';
}
