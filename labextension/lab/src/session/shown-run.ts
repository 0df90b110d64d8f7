/** The run whose states and last lines a notebook's cells show, kept current by the stream of changes. */

import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Snapshot, StreamMessage } from '@kfnb/core/wire/api-types';
import { nextFrame } from '@kfnb/core/next-frame';
import { RunStream } from '../server/run-stream';
import { applyMessage, isActive, pendingProgress, progressByStep, StepProgress } from '@kfnb/core/run/run-progress';

/** The last line that a step printed, and how far it says it is. */
export interface LastLine {
  line: string;
  percent: number | null;
}

export class ShownRun implements IDisposable {
  /** `steps` gives the names of the notebook's steps as they are now. */
  constructor(
    private readonly _stream: RunStream,
    private readonly _steps: () => string[]
  ) {
    _stream.message.connect(this._onMessage, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get snapshot(): Snapshot | null {
    return this._snapshot;
  }

  get id(): string | null {
    return this._snapshot?.run.run ?? null;
  }

  /** Whether the server has not yet answered the request to start a run. */
  get starting(): boolean {
    return this._starting;
  }

  get active(): boolean {
    return this._starting || isActive(this._snapshot);
  }

  progress(step: string): StepProgress | null {
    return this._progress.get(step) ?? null;
  }

  /** The last line of a running step. For a loop it is that of the iteration whose state shows. */
  lastLine(step: string): LastLine | null {
    const progress = this._progress.get(step);
    return progress?.state === 'running' ? (this._lastLines.get(progress.path) ?? null) : null;
  }

  /** Shows steps as pending before the server answers, so that a click has an immediate effect. */
  begin(steps: string[]): void {
    this._starting = true;
    this._progress = new Map(steps.map(name => [name, pendingProgress(name)]));
    // drawing waits for the next frame, so that the request to the server leaves first
    nextFrame(() => this._changed.emit());
  }

  /** Ends what `begin` began. A run that the server did not start leaves the earlier run on the cells. */
  endBegin(started: boolean): void {
    this._starting = false;
    if (!started) {
      this._update(this._snapshot);
    }
  }

  /** Shows a run on the cells in place of the one before; null shows none. */
  show(run: Snapshot | null): void {
    const before = this.id;
    const now = run?.run.run ?? null;
    if (run && this._snapshot && before === now && run.seq < this._snapshot.seq) {
      return; // the stream was faster than this answer
    }
    if (before !== now) {
      if (before) {
        this._stream.unwatch(before);
      }
      if (now) {
        this._stream.watch(now);
      }
      this._lastLines.clear();
      this._expectedSteps = this._steps();
    }
    this._update(run);
  }

  private _onMessage(_: RunStream, message: StreamMessage): void {
    if (this._snapshot && message.id === this.id) {
      if (message.type === 'line') {
        this._lastLines.set(message.path, { line: message.line, percent: message.percent });
      }
      this._snapshot = applyMessage(this._snapshot, message);
      this._scheduleUpdate();
    }
  }

  /** Shows all changes that arrive within one frame together. */
  private _scheduleUpdate(): void {
    if (!this._updateScheduled) {
      this._updateScheduled = true;
      nextFrame(() => {
        this._updateScheduled = false;
        if (!this.isDisposed) {
          this._update(this._snapshot);
        }
      });
    }
  }

  private _update(run: Snapshot | null): void {
    this._snapshot = run;
    const before = this._progress;
    this._progress = run ? progressByStep(run, before) : new Map<string, StepProgress>();
    if (isActive(run)) {
      // the record has no entry for a step until it is certain that the step will run
      const expected = this._expectedSteps.length ? this._expectedSteps : this._steps();
      for (const name of expected.filter(name => !this._progress.has(name))) {
        const earlier = before.get(name);
        this._progress.set(name, earlier?.runs.length === 0 ? earlier : pendingProgress(name));
      }
    }
    this._changed.emit();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      if (this.id) {
        this._stream.unwatch(this.id);
      }
      Signal.clearData(this);
    }
  }

  private _snapshot: Snapshot | null = null;
  private _starting = false;
  private _updateScheduled = false;
  private _isDisposed = false;
  private _expectedSteps: string[] = []; // the notebook's steps when this run was first shown
  private _progress = new Map<string, StepProgress>();
  private readonly _lastLines = new Map<string, LastLine>();
  private readonly _changed = new Signal<this, void>(this);
}
