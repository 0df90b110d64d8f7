/** What is known of one open notebook: its pipeline as it is typed, and the run that its cells show. */

import { NotebookPanel } from '@jupyterlab/notebook';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Api, RefusedError, StartOptions } from './api';
import { applied, isActive, progressOf, StepProgress, waiting } from './progress';
import { Stream } from './stream';
import { Explained, Message, Problem, Sent, Snapshot, StepInfo, TargetInfo } from './wire';

const TYPING = 350; // milliseconds without a change before the notebook is read
const WRONG_VALUE = ['KF208', 'KF502', 'KF509'];
const SILENCE = 3_000; // milliseconds until a server that did not answer is asked again

/** What has changed: the pipeline, or where its run stands. */
export type Change = 'pipeline' | 'run';

export interface Printed {
  line: string;
  percent: number | null;
}

export class NotebookSession implements IDisposable {
  constructor(
    readonly panel: NotebookPanel,
    readonly api: Api,
    private readonly _stream: Stream
  ) {
    _stream.message.connect(this._hear, this);
    panel.content.modelChanged.connect(this._watch, this);
    panel.disposed.connect(() => this.dispose());
    this._watch();
  }

  /** What parameters are given, by name; the others have their defaults. */
  get parameters(): ReadonlyMap<string, string> {
    return this._parameters;
  }

  /** What is wrong with the values that were given, by the parameter's name. */
  get wrong(): ReadonlyMap<string, string> {
    return this._wrong;
  }

  /** Give a parameter a value; null: its default. `unreadable`: why what stands in its field is no value at all. */
  give(name: string, text: string | null, unreadable: string | null): void {
    this._wrong.delete(name);
    this._unreadable.delete(name);
    this._parameters.delete(name);
    if (unreadable !== null) {
      this._wrong.set(name, unreadable);
      this._unreadable.add(name);
    } else if (text !== null) {
      this._parameters.set(name, text);
    }
  }

  /** Which of the notebook's pipelines; the first when null. */
  chosen: string | null = null;

  get changed(): ISignal<this, Change> {
    return this._changed;
  }

  /** The notebook as it was last read; null before that. */
  get explained(): Explained | null {
    return this._explained;
  }

  /** The last reading that made a pipeline: what is shown while the user types. */
  get shown(): Explained | null {
    return this._shown;
  }

  /** The run that was begun here and whose end was not told yet: it may have ended when the server answers. */
  awaited: string | null = null;

  get run(): Snapshot | null {
    return this._run;
  }

  get active(): boolean {
    return this._starting || isActive(this._run);
  }

  /** Where the pipeline runs: what the user chose, else what the notebook names where nothing untrusted is contacted, else here. */
  get target(): string {
    const named = this._explained?.target;
    return this._target ?? this._targets.find(target => target.name === named && target.trusted)?.name ?? 'local';
  }

  /** Where it can run, as it was last asked for. */
  get targets(): TargetInfo[] {
    return this._targets;
  }

  async readTargets(): Promise<void> {
    this._targets = (await this.api.targets(this.path).catch(() => ({ targets: [] }))).targets;
    if (!this.isDisposed) {
      this._changed.emit('pipeline');
    }
  }

  /** What the user chose, if anything. */
  get chosenTarget(): string | null {
    return this._target;
  }

  setTarget(name: string): void {
    this._target = name;
    this._changed.emit('pipeline');
  }

  /** Why the server's part cannot be reached, if it cannot. */
  get trouble(): string | null {
    return this._trouble;
  }

  get path(): string {
    return this.panel.context.path;
  }

  /** The steps that a cell is. */
  stepsOf(cell: string): string[] {
    return this._byCell.get(cell) ?? [];
  }

  info(step: string): StepInfo | null {
    return this._infos.get(step) ?? null;
  }

  progress(step: string): StepProgress | null {
    return this._progress.get(step) ?? null;
  }

  /** The notebook without its outputs. */
  sent(): Sent {
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
      pipeline: this.chosen
    };
  }

  /** What a step that runs printed last, and how far it says it is; of several iterations, the one that is shown. */
  printed(step: string): Printed | null {
    const progress = this._progress.get(step);
    return progress?.state === 'running' ? (this._printed.get(progress.path) ?? null) : null;
  }

  // ------------------------------------------------------------------ reading
  /** Read the notebook as it is now, unless it was read already. */
  read(): Promise<void> {
    if (!this.panel.context.isReady) {
      return this.panel.context.ready.then(() => this.read()); // it is still without cells
    }
    window.clearTimeout(this._timer);
    const sent = this.sent();
    const text = JSON.stringify(sent);
    if (text !== this._read || this._trouble) {
      this._read = text;
      this._reading = this._compile(sent);
    }
    return this._reading;
  }

  private async _compile(sent: Sent): Promise<void> {
    const turn = ++this._turn;
    try {
      const found = await this.api.compile(sent);
      if (turn === this._turn && !this.isDisposed) {
        this._trouble = null;
        this._take(found);
      }
    } catch (error) {
      if (turn === this._turn && !this.isDisposed) {
        this._read = '';
        this._fail(error);
      }
    }
  }

  /** Say why the server's part cannot be reached; one that did not answer is asked again. */
  private _fail(error: unknown): void {
    this._trouble = error instanceof RefusedError ? error.message : String(error);
    if (!(error instanceof RefusedError)) {
      this._timer = window.setTimeout(() => void this.read(), SILENCE);
    }
    this._changed.emit('pipeline');
  }

  private _take(found: Explained): void {
    this._explained = found;
    if (found.pipeline !== null) {
      this._shown = found;
      this._stream.open();
    }
    const shown = this._shown;
    this._infos = new Map((shown?.steps ?? []).map(step => [step.name, step]));
    this._byCell = new Map((shown?.cells ?? []).map(cell => [cell.id, cell.steps]));
    const names = new Set(found.parameters.map(parameter => parameter.name));
    if (found.pipeline !== null) {
      for (const name of [...this._parameters.keys(), ...this._unreadable].filter(name => !names.has(name))) {
        this.give(name, null, null);
      }
    }
    this._changed.emit('pipeline');
  }

  private _watch(): void {
    this.panel.content.model?.contentChanged.connect(this._typed, this);
    void this.read();
    void this.panel.context.ready.then(() => Promise.all([this.readTargets(), this.showNewest()]));
  }

  private _typed(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this.read(), TYPING);
  }

  // ------------------------------------------------------------------ runs
  /** Run the pipeline; the cells show the new run. Gives what the user should know of it. Throws `RefusedError`. */
  async start(options: StartOptions = {}): Promise<Problem[]> {
    this._refuse();
    this._refuseUnreadable();
    const names = new Set(this._explained?.parameters.map(parameter => parameter.name));
    const given = [...this._parameters].filter(([name]) => names.has(name));
    this._wrong.clear();
    this._begin(options);
    try {
      const { problems, ...run } = await this.api.start(this.sent(), {
        target: this.target,
        parameters: Object.fromEntries(given),
        ...options
      });
      this._starting = false;
      this.awaited = run.run.run;
      this._newest = run.run.run;
      this.show(run);
      return problems;
    } catch (error) {
      this._starting = false;
      this._noteWrong(error instanceof RefusedError ? error.problems : []);
      this._set(this._run);
      if (!(error instanceof RefusedError)) {
        this._fail(error);
      }
      throw error;
    }
  }

  /** Before the server answers, the steps are pending: who pressed the button sees at once that it was pressed. */
  private _begin(options: StartOptions): void {
    this._starting = true;
    const steps = (this._shown?.steps ?? []).map(step => step.name);
    const mine = steps.filter(name => !options.only || options.only === name);
    this._progress = new Map(mine.map(name => [name, waiting(name)]));
    // the click itself is answered first: the question to the server is on its way when the cells are drawn
    nextFrame(() => this._changed.emit('run'));
  }

  async cancel(): Promise<void> {
    if (this._run) {
      await this.api.cancel(this._run.run.run);
    }
  }

  /** Delete a run that has ended; cells that showed it show none. */
  async delete(run: string): Promise<void> {
    await this.api.delete(run);
    if (this._run?.run.run === run) {
      this.show(null);
    }
  }

  /** Take the run up again from a step on, with the notebook as it is. */
  async retry(step: string | null): Promise<void> {
    if (this._run) {
      await this.read();
      this._refuse();
      const run = await this.api.retry(this._run.run.run, this.sent(), step);
      this.awaited = run.run.run;
      this.show(run);
    }
  }

  /** What the server would refuse is not asked for. */
  private _refuse(): void {
    const wrong = this._explained?.problems.filter(problem => problem.severity === 'error') ?? [];
    if (this._explained?.pipeline === null && wrong.length > 0) {
      throw new RefusedError(wrong[0].message, 422, wrong);
    }
  }

  /** A run would take the default where the field shows something else. */
  private _refuseUnreadable(): void {
    for (const name of this._unreadable) {
      throw new RefusedError(`${name}: ${this._wrong.get(name) ?? ''}`, 422, []);
    }
  }

  /** Keep what the server says of the values that were given, for their fields. */
  private _noteWrong(problems: Problem[]): void {
    for (const { code, name, message } of problems) {
      if (name !== null && WRONG_VALUE.includes(code)) {
        this._wrong.set(name, message.replace(`parameter \`${name}\`: `, ''));
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
        this._stream.leave(before);
      }
      if (now) {
        this._stream.join(now);
      }
      this._printed.clear();
      this._begun = [...this._infos.keys()];
    }
    this._set(run);
  }

  /** Show the notebook's newest run, unless it was shown: after a reload of the page. */
  async showNewest(): Promise<void> {
    const newest = await this._unseen();
    this._looked = true;
    if (newest) {
      this.show(await this.api.run(newest));
    }
  }

  /** Show a run that a cell has begun, unless it was shown: its end is told, also where it came before this look. */
  async showBegun(): Promise<void> {
    const looked = this._looked; // else it may be one of yesterday
    const newest = await this._unseen();
    if (newest) {
      this.awaited = looked ? newest : this.awaited;
      this.show(await this.api.run(newest));
    }
  }

  /** The notebook's newest run, where it was not shown yet. */
  private async _unseen(): Promise<string | null> {
    const { runs } = await this.api.runs(this.path, 1).catch(() => ({ runs: [] }));
    const newest = runs[0]?.run;
    if (!newest || newest === this._newest || this._starting || this.isDisposed) {
      return null;
    }
    this._newest = newest;
    return newest;
  }

  private _hear(_: Stream, message: Message): void {
    if (this._run && message.id === this._run.run.run) {
      if (message.type === 'line') {
        this._printed.set(message.path, { line: message.line, percent: message.percent });
      }
      this._run = applied(this._run, message);
      this._soon();
    }
  }

  /** Many changes may come at once: they are shown together, with the next frame. */
  private _soon(): void {
    if (!this._waiting) {
      this._waiting = true;
      nextFrame(() => {
        this._waiting = false;
        if (!this.isDisposed) {
          this._set(this._run);
        }
      });
    }
  }

  private _set(run: Snapshot | null): void {
    this._run = run;
    const before = this._progress;
    this._progress = run ? progressOf(run, before) : new Map<string, StepProgress>();
    if (isActive(run)) {
      // the record begins to know of a step when it is clear that it runs
      const begun = this._begun.length ? this._begun : [...this._infos.keys()];
      for (const name of begun.filter(name => !this._progress.has(name))) {
        const known = before.get(name);
        this._progress.set(name, known?.runs.length === 0 ? known : waiting(name));
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
      this._stream.leave(this._run.run.run);
    }
    Signal.clearData(this);
  }

  private readonly _parameters = new Map<string, string>();
  private readonly _wrong = new Map<string, string>();
  private readonly _unreadable = new Set<string>(); // parameters whose fields hold no value
  private _target: string | null = null;
  private _targets: TargetInfo[] = [];
  private _isDisposed = false;
  private _waiting = false;
  private _starting = false;
  private _looked = false; // for the runs that there were before
  private _newest: string | null = null; // the newest run that was seen
  private _begun: string[] = []; // the notebook's steps when the run that is shown came
  private _explained: Explained | null = null;
  private _shown: Explained | null = null;
  private _run: Snapshot | null = null;
  private _trouble: string | null = null;
  private readonly _printed = new Map<string, Printed>();
  private _progress = new Map<string, StepProgress>();
  private _infos = new Map<string, StepInfo>();
  private _byCell = new Map<string, string[]>();
  private _timer = 0;
  private _turn = 0;
  private _read = '';
  private _reading: Promise<void> = Promise.resolve();
  private readonly _changed = new Signal<this, Change>(this);
}

function nextFrame(act: () => void): void {
  // a page in the background draws no frames
  void (document.hidden ? window.setTimeout(act, 50) : window.requestAnimationFrame(act));
}
