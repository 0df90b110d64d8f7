/** What is known of one open notebook: its pipeline as it is typed, and the run that its cells show. */

import { NotebookPanel } from '@jupyterlab/notebook';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { RestClient, RefusedError, StartOptions } from '../server/rest-client';
import { applyMessage, isActive, progressByStep, StepProgress, pendingProgress } from './run-progress';
import { RunStream } from '../server/run-stream';
import {
  Explanation,
  StreamMessage,
  Problem,
  NotebookRequest,
  Snapshot,
  StepInfo,
  TargetInfo
} from '../server/api-types';

const COMPILE_DELAY = 350; // milliseconds without a change before the notebook is read
const PARAMETER_PROBLEMS = ['KF208', 'KF502', 'KF509'];
const RETRY_DELAY = 3_000; // milliseconds until a server that did not answer is asked again

/** What has changed: the pipeline, or where its run stands. */
export type Change = 'pipeline' | 'run';

export interface LastLine {
  line: string;
  percent: number | null;
}

export class NotebookSession implements IDisposable {
  constructor(
    readonly panel: NotebookPanel,
    readonly client: RestClient,
    private readonly _stream: RunStream
  ) {
    _stream.message.connect(this._onMessage, this);
    panel.content.modelChanged.connect(this._onModelChanged, this);
    panel.disposed.connect(() => this.dispose());
    this._onModelChanged();
  }

  /** What parameters are given, by name; the others have their defaults. */
  get parameters(): ReadonlyMap<string, string> {
    return this._parameters;
  }

  /** What is wrong with the values that were given, by the parameter's name. */
  get parameterErrors(): ReadonlyMap<string, string> {
    return this._parameterErrors;
  }

  /** Give a parameter a value; null: its default. `unreadable`: why what stands in its field is no value at all. */
  setParameter(name: string, text: string | null, unreadable: string | null): void {
    this._parameterErrors.delete(name);
    this._invalidFields.delete(name);
    this._parameters.delete(name);
    if (unreadable !== null) {
      this._parameterErrors.set(name, unreadable);
      this._invalidFields.add(name);
    } else if (text !== null) {
      this._parameters.set(name, text);
    }
  }

  /** Which of the notebook's pipelines; the first when null. */
  selectedPipeline: string | null = null;

  get changed(): ISignal<this, Change> {
    return this._changed;
  }

  /** The notebook as it was last read; null before that. */
  get explanation(): Explanation | null {
    return this._explanation;
  }

  /** The last reading that made a pipeline: what is shown while the user types. */
  get lastValid(): Explanation | null {
    return this._lastValid;
  }

  /** The run that was begun here and whose end was not told yet: it may have ended when the server answers. */
  awaitedRun: string | null = null;

  get run(): Snapshot | null {
    return this._run;
  }

  get active(): boolean {
    return this._starting || isActive(this._run);
  }

  /** Where the pipeline runs: what the user chose, else what the notebook names where nothing untrusted is contacted, else here. */
  get target(): string {
    const named = this._explanation?.target;
    return this._target ?? this._targets.find(target => target.name === named && target.trusted)?.name ?? 'local';
  }

  /** Where it can run, as it was last asked for. */
  get targets(): TargetInfo[] {
    return this._targets;
  }

  async readTargets(): Promise<void> {
    this._targets = (await this.client.targets(this.path).catch(() => ({ targets: [] }))).targets;
    if (!this.isDisposed) {
      this._changed.emit('pipeline');
    }
  }

  /** What the user chose, if anything. */
  get selectedTarget(): string | null {
    return this._target;
  }

  setTarget(name: string): void {
    this._target = name;
    this._changed.emit('pipeline');
  }

  /** Why the server's part cannot be reached, if it cannot. */
  get serverError(): string | null {
    return this._serverError;
  }

  get path(): string {
    return this.panel.context.path;
  }

  /** The steps that a cell is. */
  stepsOf(cell: string): string[] {
    return this._stepsByCell.get(cell) ?? [];
  }

  stepInfo(step: string): StepInfo | null {
    return this._stepInfos.get(step) ?? null;
  }

  progress(step: string): StepProgress | null {
    return this._progress.get(step) ?? null;
  }

  /** The notebook without its outputs. */
  request(): NotebookRequest {
    const model = this.panel.content.model;
    const notebook = (model?.toJSON() ?? { cells: [] }) as unknown as { cells: object[]; nbformat_minor: number };
    const cells = notebook.cells.map((cell, at) => {
      const { outputs, execution_count, attachments, ...rest } = cell as Record<string, unknown>;
      void [outputs, execution_count, attachments];
      return { ...rest, id: model?.cells.get(at).id };
    });
    return {
      notebook: { ...notebook, cells, nbformat_minor: Math.max(5, notebook.nbformat_minor) },
      path: this.path,
      pipeline: this.selectedPipeline
    };
  }

  /** What a step that runs printed last, and how far it says it is; of several iterations, the one that is shown. */
  lastLine(step: string): LastLine | null {
    const progress = this._progress.get(step);
    return progress?.state === 'running' ? (this._lastLines.get(progress.path) ?? null) : null;
  }

  // ------------------------------------------------------------------ reading
  /** Read the notebook as it is now, unless it was read already. */
  read(): Promise<void> {
    if (!this.panel.context.isReady) {
      return this.panel.context.ready.then(() => this.read()); // it is still without cells
    }
    window.clearTimeout(this._timer);
    const sent = this.request();
    const text = JSON.stringify(sent);
    if (text !== this._sentText || this._serverError) {
      this._sentText = text;
      this._compiling = this._compile(sent);
    }
    return this._compiling;
  }

  private async _compile(sent: NotebookRequest): Promise<void> {
    const turn = ++this._requestNumber;
    try {
      const found = await this.client.compile(sent);
      if (turn === this._requestNumber && !this.isDisposed) {
        this._serverError = null;
        this._onExplained(found);
      }
    } catch (error) {
      if (turn === this._requestNumber && !this.isDisposed) {
        this._sentText = '';
        this._onServerError(error);
      }
    }
  }

  /** Say why the server's part cannot be reached; one that did not answer is asked again. */
  private _onServerError(error: unknown): void {
    this._serverError = error instanceof RefusedError ? error.message : String(error);
    if (!(error instanceof RefusedError)) {
      this._timer = window.setTimeout(() => void this.read(), RETRY_DELAY);
    }
    this._changed.emit('pipeline');
  }

  private _onExplained(found: Explanation): void {
    this._explanation = found;
    if (found.pipeline !== null) {
      this._lastValid = found;
      this._stream.open();
    }
    const shown = this._lastValid;
    this._stepInfos = new Map((shown?.steps ?? []).map(step => [step.name, step]));
    this._stepsByCell = new Map((shown?.cells ?? []).map(cell => [cell.id, cell.steps]));
    const names = new Set(found.parameters.map(parameter => parameter.name));
    if (found.pipeline !== null) {
      for (const name of [...this._parameters.keys(), ...this._invalidFields].filter(name => !names.has(name))) {
        this.setParameter(name, null, null);
      }
    }
    this._changed.emit('pipeline');
  }

  private _onModelChanged(): void {
    this.panel.content.model?.contentChanged.connect(this._onContentChanged, this);
    void this.read();
    void this.panel.context.ready.then(() => Promise.all([this.readTargets(), this.showNewest()]));
  }

  private _onContentChanged(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this.read(), COMPILE_DELAY);
  }

  // ------------------------------------------------------------------ runs
  /** Run the pipeline; the cells show the new run. Gives what the user should know of it. Throws `RefusedError`. */
  async start(options: StartOptions = {}): Promise<Problem[]> {
    this._checkProblems();
    this._checkFields();
    const names = new Set(this._explanation?.parameters.map(parameter => parameter.name));
    const given = [...this._parameters].filter(([name]) => names.has(name));
    this._parameterErrors.clear();
    this._showPending(options);
    try {
      const { problems, ...run } = await this.client.start(this.request(), {
        target: this.target,
        parameters: Object.fromEntries(given),
        ...options
      });
      this._starting = false;
      this.awaitedRun = run.run.run;
      this._newest = run.run.run;
      this.show(run);
      return problems;
    } catch (error) {
      this._starting = false;
      this._keepParameterErrors(error instanceof RefusedError ? error.problems : []);
      this._setRun(this._run);
      if (!(error instanceof RefusedError)) {
        this._onServerError(error);
      }
      throw error;
    }
  }

  /** Before the server answers, the steps are pending: who pressed the button sees at once that it was pressed. */
  private _showPending(options: StartOptions): void {
    this._starting = true;
    const steps = (this._lastValid?.steps ?? []).map(step => step.name);
    const mine = steps.filter(name => !options.only || options.only === name);
    this._progress = new Map(mine.map(name => [name, pendingProgress(name)]));
    // the click itself is answered first: the question to the server is on its way when the cells are drawn
    nextFrame(() => this._changed.emit('run'));
  }

  async cancel(): Promise<void> {
    if (this._run) {
      await this.client.cancel(this._run.run.run);
    }
  }

  /** Delete a run that has ended; cells that showed it show none. */
  async delete(run: string): Promise<void> {
    await this.client.delete(run);
    if (this._run?.run.run === run) {
      this.show(null);
    }
  }

  /** Take the run up again from a step on, with the notebook as it is. */
  async retry(step: string | null): Promise<void> {
    if (this._run) {
      await this.read();
      this._checkProblems();
      const run = await this.client.retry(this._run.run.run, this.request(), step);
      this.awaitedRun = run.run.run;
      this.show(run);
    }
  }

  /** What the server would refuse is not asked for. */
  private _checkProblems(): void {
    const wrong = this._explanation?.problems.filter(problem => problem.severity === 'error') ?? [];
    if (this._explanation?.pipeline === null && wrong.length > 0) {
      throw new RefusedError(wrong[0].message, 422, wrong);
    }
  }

  /** A run would take the default where the field shows something else. */
  private _checkFields(): void {
    for (const name of this._invalidFields) {
      throw new RefusedError(`${name}: ${this._parameterErrors.get(name) ?? ''}`, 422, []);
    }
  }

  /** Keep what the server says of the values that were given, for their fields. */
  private _keepParameterErrors(problems: Problem[]): void {
    for (const { code, name, message } of problems) {
      if (name !== null && PARAMETER_PROBLEMS.includes(code)) {
        this._parameterErrors.set(name, message.replace(`parameter \`${name}\`: `, ''));
      }
    }
  }

  /** Show a run on the cells, whatever they showed before; null: none. */
  show(run: Snapshot | null): void {
    const before = this._run?.run.run;
    const now = run?.run.run;
    if (run && this._run && before === now && run.seq < this._run.seq) {
      return; // the socket was faster than this answer
    }
    if (before !== now) {
      if (before) {
        this._stream.unwatch(before);
      }
      if (now) {
        this._stream.watch(now);
      }
      this._lastLines.clear();
      this._startedSteps = [...this._stepInfos.keys()];
    }
    this._setRun(run);
  }

  /** Show the notebook's newest run, unless it was shown: after a reload of the page. */
  async showNewest(): Promise<void> {
    const newest = await this._newestUnshown();
    this._listedRuns = true;
    if (newest) {
      this.show(await this.client.run(newest));
    }
  }

  /** Show a run that a cell has begun, unless it was shown: its end is told, also where it came before this look. */
  async showStarted(): Promise<void> {
    const looked = this._listedRuns; // else it may be one of yesterday
    const newest = await this._newestUnshown();
    if (newest) {
      this.awaitedRun = looked ? newest : this.awaitedRun;
      this.show(await this.client.run(newest));
    }
  }

  /** The notebook's newest run, where it was not shown yet. */
  private async _newestUnshown(): Promise<string | null> {
    const { runs } = await this.client.runs(this.path, 1).catch(() => ({ runs: [] }));
    const newest = runs[0]?.run;
    if (!newest || newest === this._newest || this._starting || this.isDisposed) {
      return null;
    }
    this._newest = newest;
    return newest;
  }

  private _onMessage(_: RunStream, message: StreamMessage): void {
    if (this._run && message.id === this._run.run.run) {
      if (message.type === 'line') {
        this._lastLines.set(message.path, { line: message.line, percent: message.percent });
      }
      this._run = applyMessage(this._run, message);
      this._scheduleUpdate();
    }
  }

  /** Many changes may come at once: they are shown together, with the next frame. */
  private _scheduleUpdate(): void {
    if (!this._updateScheduled) {
      this._updateScheduled = true;
      nextFrame(() => {
        this._updateScheduled = false;
        if (!this.isDisposed) {
          this._setRun(this._run);
        }
      });
    }
  }

  private _setRun(run: Snapshot | null): void {
    this._run = run;
    const before = this._progress;
    this._progress = run ? progressByStep(run, before) : new Map<string, StepProgress>();
    if (isActive(run)) {
      // the record begins to know of a step when it is clear that it runs
      const begun = this._startedSteps.length ? this._startedSteps : [...this._stepInfos.keys()];
      for (const name of begun.filter(name => !this._progress.has(name))) {
        const known = before.get(name);
        this._progress.set(name, known?.runs.length === 0 ? known : pendingProgress(name));
      }
    }
    this._changed.emit('run');
  }

  // ------------------------------------------------------------------ the end
  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    if (this._run) {
      this._stream.unwatch(this._run.run.run);
    }
    Signal.clearData(this);
  }

  private readonly _parameters = new Map<string, string>();
  private readonly _parameterErrors = new Map<string, string>();
  private readonly _invalidFields = new Set<string>(); // parameters whose fields hold no value
  private _target: string | null = null;
  private _targets: TargetInfo[] = [];
  private _isDisposed = false;
  private _updateScheduled = false;
  private _starting = false;
  private _listedRuns = false; // for the runs that there were before
  private _newest: string | null = null; // the newest run that was seen
  private _startedSteps: string[] = []; // the notebook's steps when the run that is shown came
  private _explanation: Explanation | null = null;
  private _lastValid: Explanation | null = null;
  private _run: Snapshot | null = null;
  private _serverError: string | null = null;
  private readonly _lastLines = new Map<string, LastLine>();
  private _progress = new Map<string, StepProgress>();
  private _stepInfos = new Map<string, StepInfo>();
  private _stepsByCell = new Map<string, string[]>();
  private _timer = 0;
  private _requestNumber = 0;
  private _sentText = '';
  private _compiling: Promise<void> = Promise.resolve();
  private readonly _changed = new Signal<this, Change>(this);
}

function nextFrame(act: () => void): void {
  // a page in the background draws no frames
  void (document.hidden ? window.setTimeout(act, 50) : window.requestAnimationFrame(act));
}
