/** One open notebook: its pipeline as the user types, where it will run, and its run on the cells. */

import { NotebookPanel } from '@jupyterlab/notebook';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import {
  Delivery,
  Explanation,
  ListedRun,
  NotebookRequest,
  OtherCell,
  Problem,
  Snapshot,
  StepInfo,
  Submission,
  TargetInfo
} from '@kfnb/core/wire/api-types';
import { Preferences } from '../preferences/preferences-plugin';
import { RefusedError, RestClient, StartOptions } from '../server/rest-client';
import { RunStream } from '../server/run-stream';
import { readNotebookId, writeNotebookId } from './notebook-id';
import { notebookRequest } from './notebook-request';
import { ParameterValues } from '@kfnb/core/parameters/parameter-values';
import { StepProgress } from '@kfnb/core/run/run-progress';
import { FailedStart, failedStart } from './failed-start';
import { LastLine, ShownRun } from './shown-run';
import { LostContact, lostCluster } from '@kfnb/core/run/lost-contact';
import { RanSources } from './ran-sources';

const COMPILE_DELAY = 350; // milliseconds without a change before the notebook is compiled
const RETRY_DELAY = 3_000; // milliseconds before the next request to a server that did not answer

/** The choice of this machine with every step in a container. No target has such a name. */
export const IN_CONTAINERS = 'local, in containers';

/** What has changed: the pipeline, the state of its run, or the code that the cells had in that run. */
export type Change = 'pipeline' | 'run' | 'sources';

export class NotebookSession implements IDisposable {
  constructor(
    readonly panel: NotebookPanel,
    readonly client: RestClient,
    private readonly _stream: RunStream,
    private readonly _preferences: () => Preferences
  ) {
    this._shownRun = new ShownRun(_stream, () => [...this._stepInfos.keys()]);
    this._shownRun.changed.connect(() => this._onRunChanged());
    this.ranSources = new RanSources(client, this._shownRun);
    this.ranSources.changed.connect(() => this._changed.emit('sources'));
    _stream.silenceChanged.connect(this._emitPipeline, this);
    panel.content.modelChanged.connect(this._onModelChanged, this);
    panel.context.pathChanged.connect(this._onPathChanged, this);
    panel.disposed.connect(() => this.dispose());
    this._onModelChanged();
  }

  readonly parameters = new ParameterValues();

  /** The code that the cells had in the run that they show. */
  readonly ranSources: RanSources;

  /** The name of the pipeline that the user has selected; null means the notebook's first. */
  selectedPipeline: string | null = null;

  /** The run that was started here and whose end has not been announced. It may end before the server's answer. */
  awaitedRun: string | null = null;

  get changed(): ISignal<this, Change> {
    return this._changed;
  }

  get path(): string {
    return this.panel.context.path;
  }

  /** The notebook as the server last read it; null before the first answer. */
  get explanation(): Explanation | null {
    return this._explanation;
  }

  /** The last explanation that had a pipeline. It stays visible while what the user types has errors. */
  get lastValid(): Explanation | null {
    return this._lastValid;
  }

  /** Why the server extension cannot be reached; null when it can. */
  get serverError(): string | null {
    return this._serverError;
  }

  /** Since when nothing new is known of the run, because its server or its cluster does not answer; null while they do. */
  get lostContact(): LostContact | null {
    const since = this._stream.silentSince;
    return since === null ? lostCluster(this.run) : { from: 'server', since, message: '' };
  }

  /** The newest run that could not begin, with the reason; null once another has begun. */
  get failedStart(): FailedStart | null {
    return this._failedStart;
  }

  /**
   * Whether the notebook is a pipeline: its cells say what its steps are, or it has been run as one. Of any other
   * notebook nothing is shown.
   */
  get isPipeline(): boolean {
    return this._lastValid?.marked === true || this._explanation?.marked === true || this.run !== null || this.active;
  }

  /** The names of the steps that a cell belongs to. */
  stepsOf(cell: string): string[] {
    return this.isPipeline ? (this._stepsByCell.get(cell) ?? []) : [];
  }

  /** What a cell of a marked notebook is that is in no step; null for any other cell. */
  otherRole(cell: string): OtherCell['role'] | null {
    const marked = this._lastValid?.marked === true;
    return (marked ? this._lastValid?.others.find(other => other.id === cell)?.role : null) ?? null;
  }

  stepInfo(step: string): StepInfo | null {
    return this._stepInfos.get(step) ?? null;
  }

  /** What the user calls a step: its name, or the expression for which kfnb has added it. */
  stepLabel(step: string): string {
    return this.stepInfo(step)?.label ?? step;
  }

  /** The notebook as requests to the server carry it. */
  request(): NotebookRequest {
    return notebookRequest(this.panel, this.selectedPipeline);
  }

  // ------------------------------------------------------------------ targets
  /**
   * The target that a run goes to: the one that the user selected for this notebook, else the one that the notebook
   * names if the user trusts it, else the one of the user's preferences, else this machine.
   */
  get target(): string {
    const named = this._explanation?.target;
    if (this.inContainers) {
      return 'local';
    }
    const usable = (name: string | null | undefined) =>
      this._targets.find(target => target.name === name && target.trusted)?.name;
    return this._target ?? usable(named) ?? usable(this._preferences().target) ?? 'local';
  }

  /** The engine of the target that a run goes to. */
  get engine(): string {
    return this._targets.find(target => target.name === this.target)?.engine ?? 'local';
  }

  /** The targets that the server last listed. */
  get targets(): TargetInfo[] {
    return this._targets;
  }

  /** What the user selected: a target, or `IN_CONTAINERS`. */
  get selectedTarget(): string | null {
    return this._target;
  }

  /** Whether every step runs in a container on this machine. */
  get inContainers(): boolean {
    return this._target === IN_CONTAINERS;
  }

  /** The tool that runs containers on the server's machine; null when there is none. */
  get containerTool(): string | null {
    return this._containerTool;
  }

  setTarget(name: string): void {
    this._target = name;
    this._changed.emit('pipeline');
  }

  async readTargets(): Promise<void> {
    const found = await this.client.targets(this.path).catch(() => ({ targets: [], containers: null }));
    this._targets = found.targets;
    this._containerTool = found.containers;
    if (!this.isDisposed) {
      this._changed.emit('pipeline');
    }
  }

  // ------------------------------------------------------------------ compiling
  /** Compiles the notebook as it is now, unless the server has already seen it. */
  compile(): Promise<void> {
    if (!this.panel.context.isReady) {
      return this.panel.context.ready.then(() => this.compile()); // until then the notebook has no cells
    }
    window.clearTimeout(this._timer);
    const request = this.request();
    const text = JSON.stringify(request);
    if (text !== this._compiledText || this._serverError) {
      this._compiledText = text;
      this._compiling = this._requestCompilation(request);
    }
    return this._compiling;
  }

  private async _requestCompilation(request: NotebookRequest): Promise<void> {
    const number = ++this._requestNumber;
    const isLatest = () => number === this._requestNumber && !this.isDisposed;
    try {
      const explanation = await this.client.compile(request);
      if (isLatest()) {
        this._onCompiled(explanation);
      }
    } catch (error) {
      if (isLatest()) {
        this._compiledText = '';
        this._onServerError(error);
      }
    }
  }

  /** Keeps the error for the side bar, and tries again after a while if the server did not answer at all. */
  private _onServerError(error: unknown): void {
    this._serverError = error instanceof RefusedError ? error.message : String(error);
    if (!(error instanceof RefusedError)) {
      this._timer = window.setTimeout(() => void this.compile(), RETRY_DELAY);
    }
    this._changed.emit('pipeline');
  }

  private _onRunChanged(): void {
    const wasPipeline = this._wasPipeline;
    this._wasPipeline = this.isPipeline;
    this._changed.emit(wasPipeline === this._wasPipeline ? 'run' : 'pipeline');
  }

  private _onCompiled(explanation: Explanation): void {
    const text = JSON.stringify(explanation);
    const saysTheSame = text === this._explanationText && this._serverError === null;
    this._explanationText = text;
    this._serverError = null;
    if (saysTheSame) {
      return; // as after most keys: the badges of a long notebook need not be looked at
    }
    this._explanation = explanation;
    if (explanation.pipeline !== null) {
      this._lastValid = explanation;
      this._stream.open();
      this.parameters.retain(parameterNames(explanation));
    }
    this._stepInfos = new Map((this._lastValid?.steps ?? []).map(step => [step.name, step]));
    this._stepsByCell = new Map((this._lastValid?.cells ?? []).map(cell => [cell.id, cell.steps]));
    this._wasPipeline = this.isPipeline;
    this._changed.emit('pipeline');
  }

  private _onModelChanged(): void {
    this.panel.content.model?.contentChanged.connect(this._onContentChanged, this);
    void this.compile();
    this._restored = this.panel.context.ready.then(() => Promise.all([this.readTargets(), this.showNewest()]));
  }

  private _emitPipeline(): void {
    this._changed.emit('pipeline');
  }

  /** Tells the server at once where the notebook is now: until it is saved, the file has no id. */
  private _onPathChanged(): void {
    void this.listRuns(1).then(
      () => this._changed.emit('pipeline'),
      () => undefined
    );
    void this.compile();
  }

  private _onContentChanged(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this.compile(), COMPILE_DELAY);
  }

  // ------------------------------------------------------------------ runs
  /** The run that the cells show. */
  get run(): Snapshot | null {
    return this._shownRun.snapshot;
  }

  get active(): boolean {
    return this._shownRun.active;
  }

  /** How far the run is on its way to its cluster; null where it is there, or runs on this machine. */
  get delivery(): { at: Delivery | null } | null {
    if (this._shownRun.starting) {
      return this.engine === 'local' ? null : { at: null };
    }
    const { state, delivery } = this.run?.run ?? {};
    return state === 'pending' && delivery ? { at: delivery } : null;
  }

  get logLines(): number {
    return this._preferences().logLines;
  }

  progress(step: string): StepProgress | null {
    return this._shownRun.progress(step);
  }

  lastLine(step: string): LastLine | null {
    return this._shownRun.lastLine(step);
  }

  /** Shows a run on the cells in place of the one before; null shows none. */
  show(run: Snapshot | null): void {
    this._shownRun.show(run);
  }

  /** What a run with the parameters and the target as they are would be. Throws `RefusedError`. */
  async submission(chosen: Pick<StartOptions, 'cache' | 'priority'>): Promise<Submission> {
    await this.compile();
    this._checkProblems();
    const parameters = this.parameters.select(parameterNames(this._explanation));
    const containers = this.inContainers ? { containers: true } : {};
    const options = { target: this.target, ...containers, parameters, ...chosen };
    const plan = await this.client.submission(this.request(), options);
    this.parameters.clearErrors();
    this.parameters.addErrors(plan.problems);
    return plan;
  }

  /** Starts the pipeline and shows its run. Returns what the user should know about it. Throws `RefusedError`. */
  async start(options: StartOptions = {}): Promise<Problem[]> {
    this._checkProblems();
    const invalid = this.parameters.invalidField();
    if (invalid !== null) {
      throw new RefusedError(invalid, 422, []); // the run would take the default, which the field does not show
    }
    const parameters = this.parameters.select(parameterNames(this._explanation));
    this.parameters.clearErrors();
    this._failedStart = null;
    const steps = (this._lastValid?.steps ?? []).map(step => step.name);
    this._stopWanted = false;
    this._shownRun.begin(steps.filter(name => !options.only || options.only === name));
    try {
      const { problems, ...run } = await this.client.start(this.request(), {
        target: this.target,
        ...(this.inContainers ? { containers: true } : {}),
        parameters,
        ...options
      });
      this._shownRun.endBegin(true);
      writeNotebookId(this.panel, run.run.notebook_id);
      this.awaitedRun = run.run.run;
      this._newestRun = run.run.run;
      this.show(run);
      if (this._stopWanted) {
        await this.cancel();
      }
      return problems;
    } catch (error) {
      this.parameters.addErrors(error instanceof RefusedError ? error.problems : []);
      this._failedStart = failedStart(error, this.target);
      this._shownRun.endBegin(false);
      if (!(error instanceof RefusedError)) {
        this._onServerError(error);
      }
      throw error;
    }
  }

  /** The newest runs of the notebook, which it keeps when it is renamed or moved. */
  listRuns(count: number): Promise<{ runs: ListedRun[] }> {
    return this.client.runs(this.path, readNotebookId(this.panel), count);
  }

  async cancel(): Promise<void> {
    if (this._shownRun.starting) {
      this._stopWanted = true; // its id is not known yet: `start` stops it
    } else if (this._shownRun.id) {
      await this.client.cancel(this._shownRun.id);
    }
  }

  /** Deletes a run that has ended. Cells that showed it then show none. */
  async delete(run: string): Promise<void> {
    await this.client.delete(run);
    if (this._shownRun.id === run) {
      this.show(null);
    }
  }

  /** Resumes the shown run at a step, with the notebook as it is now. */
  async retry(step: string | null): Promise<void> {
    if (this._shownRun.id) {
      await this.compile();
      this._checkProblems();
      const run = await this.client.retry(this._shownRun.id, this.request(), step);
      this.awaitedRun = run.run.run;
      this.show(run);
    }
  }

  /** Throws what the server would answer when the notebook has errors. */
  private _checkProblems(): void {
    const errors = this._explanation?.problems.filter(problem => problem.severity === 'error') ?? [];
    if (this._explanation?.pipeline === null && errors.length > 0) {
      throw new RefusedError(errors[0].message, 422, errors);
    }
  }

  /** Shows the notebook's newest run after the page has been loaded. */
  async showNewest(): Promise<void> {
    const newest = await this._newestUnshown();
    this._hasListedRuns = true;
    if (newest) {
      this.show(await this.client.run(newest));
    }
  }

  /** Shows a run that the user has chosen elsewhere, in place of the newest one. */
  async showRun(run: string): Promise<void> {
    await this._restored;
    this.show(await this.client.run(run));
  }

  /** Shows a run that a cell has started. Its end is announced even if the run has already ended. */
  async showStarted(): Promise<void> {
    const hasListedRuns = this._hasListedRuns; // otherwise the newest run may be an old one
    const newest = await this._newestUnshown();
    if (newest) {
      this.awaitedRun = hasListedRuns ? newest : this.awaitedRun;
      this.show(await this.client.run(newest));
    }
  }

  /** The notebook's newest run, if it has not been shown yet. */
  private async _newestUnshown(): Promise<string | null> {
    const { runs } = await this.listRuns(1).catch(() => ({ runs: [] }));
    const newest = runs[0]?.run;
    if (!newest || newest === this._newestRun || this._shownRun.starting || this.isDisposed) {
      return null;
    }
    this._newestRun = newest;
    return newest;
  }

  // ------------------------------------------------------------------ disposal
  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (this._isDisposed) {
      return;
    }
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    this.ranSources.dispose();
    this._shownRun.dispose();
    this._stream.silenceChanged.disconnect(this._emitPipeline, this);
    Signal.clearData(this);
  }

  private _stopWanted = false;
  private readonly _shownRun: ShownRun;
  private _failedStart: FailedStart | null = null;
  private _target: string | null = null;
  private _targets: TargetInfo[] = [];
  private _containerTool: string | null = null;
  private _isDisposed = false;
  private _hasListedRuns = false;
  private _newestRun: string | null = null;
  private _explanation: Explanation | null = null;
  private _explanationText = '';
  private _lastValid: Explanation | null = null;
  private _serverError: string | null = null;
  private _stepInfos = new Map<string, StepInfo>();
  private _stepsByCell = new Map<string, string[]>();
  private _restored: Promise<unknown> = Promise.resolve();
  private _timer = 0;
  private _requestNumber = 0;
  private _wasPipeline = false; // when the change before the last one was told
  private _compiledText = '';
  private _compiling: Promise<void> = Promise.resolve();
  private readonly _changed = new Signal<this, Change>(this);
}

function parameterNames(explanation: Explanation | null): Set<string> {
  return new Set(explanation?.parameters.map(parameter => parameter.name));
}
