/** One open notebook: its pipeline as the user types, where it will run, and its run on the cells. */

import { NotebookPanel } from '@jupyterlab/notebook';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Delivery, ListedRun, NotebookRequest, Problem, Snapshot, Submission } from '@kfnb/core/wire/api-types';
import { Preferences } from '../preferences/preferences-plugin';
import { RefusedError, RestClient, StartOptions } from '../server/rest-client';
import { RunStream } from '../server/run-stream';
import { CompiledNotebook } from './compiled-notebook';
import { readNotebookId, writeNotebookId } from './notebook-id';
import { notebookRequest } from './notebook-request';
import { ParameterValues } from '@kfnb/core/parameters/parameter-values';
import { StepProgress } from '@kfnb/core/run/run-progress';
import { FailedStart, failedStart } from './failed-start';
import { LastLine, ShownRun } from './shown-run';
import { LostContact, lostCluster } from '@kfnb/core/run/lost-contact';
import { RanSources } from './ran-sources';
import { TargetChoice } from './target-choice';

/** What has changed: the pipeline, the state of its run, or the code that the cells had in that run. */
export type Change = 'pipeline' | 'run' | 'sources';

export class NotebookSession implements IDisposable {
  constructor(
    readonly panel: NotebookPanel,
    readonly client: RestClient,
    private readonly _stream: RunStream,
    private readonly _preferences: () => Preferences
  ) {
    this.compiled = new CompiledNotebook(panel, client, () => this.request());
    this.compiled.changed.connect(() => this._onCompiled());
    this.targets = new TargetChoice(client, () => this.path, () => this.compiled.explanation?.target, _preferences); // prettier-ignore
    this.targets.changed.connect(this._emitPipeline, this);
    this._shownRun = new ShownRun(_stream, () => this.compiled.steps);
    this._shownRun.changed.connect(() => this._onRunChanged());
    this.ranSources = new RanSources(client, this._shownRun);
    this.ranSources.changed.connect(() => this._changed.emit('sources'));
    _stream.silenceChanged.connect(this._emitPipeline, this);
    panel.content.modelChanged.connect(this._onModelChanged, this);
    panel.context.pathChanged.connect(this._onPathChanged, this);
    panel.disposed.connect(() => this.dispose());
    this._onModelChanged();
  }

  /** What the server says of the notebook. */
  readonly compiled: CompiledNotebook;

  /** Where its runs go. */
  readonly targets: TargetChoice;

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
    return this.compiled.isMarked || this.run !== null || this.active;
  }

  /** The names of the steps that a cell belongs to. */
  stepsOf(cell: string): string[] {
    return this.isPipeline ? this.compiled.stepsOf(cell) : [];
  }

  /** What the user calls a step: its name, or the expression for which kfnb has added it. */
  stepLabel(step: string): string {
    return this.compiled.step(step)?.label ?? step;
  }

  /** The notebook as requests to the server carry it. */
  request(): NotebookRequest {
    return notebookRequest(this.panel, this.selectedPipeline);
  }

  // ------------------------------------------------------------------ changes
  private _onRunChanged(): void {
    const wasPipeline = this._wasPipeline;
    this._wasPipeline = this.isPipeline;
    this._changed.emit(wasPipeline === this._wasPipeline ? 'run' : 'pipeline');
  }

  private _onCompiled(): void {
    if (this.compiled.explanation?.pipeline) {
      this._stream.open();
      this.parameters.retain(this.compiled.parameters);
    }
    this._wasPipeline = this.isPipeline;
    this._changed.emit('pipeline');
  }

  private _onModelChanged(): void {
    this.panel.content.model?.contentChanged.connect(this._onContentChanged, this);
    void this.compiled.compile();
    this._restored = this.panel.context.ready.then(() => Promise.all([this.targets.read(), this.showNewest()]));
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
    void this.compiled.compile();
  }

  private _onContentChanged(): void {
    this.compiled.compileSoon();
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
      return this.targets.engine === 'local' ? null : { at: null };
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
    await this.compiled.compile();
    this.compiled.checkProblems();
    const parameters = this.parameters.select(this.compiled.parameters);
    const containers = this.targets.inContainers ? { containers: true } : {};
    const options = { target: this.targets.current, ...containers, parameters, ...chosen };
    const plan = await this.client.submission(this.request(), options);
    this.parameters.clearErrors();
    this.parameters.addErrors(plan.problems);
    return plan;
  }

  /** Starts the pipeline and shows its run. Returns what the user should know about it. Throws `RefusedError`. */
  async start(options: StartOptions = {}): Promise<Problem[]> {
    this.compiled.checkProblems();
    const invalid = this.parameters.invalidField();
    if (invalid !== null) {
      throw new RefusedError(invalid, 422, []); // the run would take the default, which the field does not show
    }
    const parameters = this.parameters.select(this.compiled.parameters);
    this.parameters.clearErrors();
    this._failedStart = null;
    this._stopWanted = false;
    this._shownRun.begin(this.compiled.steps.filter(name => !options.only || options.only === name));
    try {
      const { problems, ...run } = await this.client.start(this.request(), {
        target: this.targets.current,
        ...(this.targets.inContainers ? { containers: true } : {}),
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
      this._failedStart = failedStart(error, this.targets.current);
      this._shownRun.endBegin(false);
      if (!(error instanceof RefusedError)) {
        this.compiled.keepServerError(error);
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
      await this.compiled.compile();
      this.compiled.checkProblems();
      const run = await this.client.retry(this._shownRun.id, this.request(), step);
      this.awaitedRun = run.run.run;
      this.show(run);
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
    this.compiled.dispose();
    Signal.clearData(this.targets);
    this.ranSources.dispose();
    this._shownRun.dispose();
    this._stream.silenceChanged.disconnect(this._emitPipeline, this);
    Signal.clearData(this);
  }

  private _stopWanted = false;
  private readonly _shownRun: ShownRun;
  private _failedStart: FailedStart | null = null;
  private _isDisposed = false;
  private _hasListedRuns = false;
  private _newestRun: string | null = null;
  private _restored: Promise<unknown> = Promise.resolve();
  private _wasPipeline = false; // when the change before the last one was told
  private readonly _changed = new Signal<this, Change>(this);
}
