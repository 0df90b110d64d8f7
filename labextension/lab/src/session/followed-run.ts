/** One run by its id, kept current by the stream of changes, for views that are not a notebook's. */

import { IDisposable } from '@lumino/disposable';
import { ISignal } from '@lumino/signaling';

import { StepProgress } from '@kfnb/core/run/run-progress';
import { Snapshot } from '@kfnb/core/wire/api-types';
import { Preferences } from '../preferences/preferences-plugin';
import { RestClient } from '../server/rest-client';
import { RunStream } from '../server/run-stream';
import { LastLine, ShownRun } from './shown-run';

/** What the log of a step needs to know of its run. */
export interface RunSource {
  readonly client: RestClient;
  readonly run: Snapshot | null;
  readonly active: boolean;
  /** How many lines of a log are held at most. */
  readonly logLines: number;
  readonly changed: ISignal<unknown, unknown>;
  progress(step: string): StepProgress | null;
  /** What the user calls a step: its name, or the expression for which kfnb has added it. */
  stepLabel(step: string): string;
}

export class FollowedRun implements RunSource, IDisposable {
  /** `labels` are those of the steps of the run's pipeline by their names: one about which nothing is known yet is pending. */
  constructor(
    readonly client: RestClient,
    stream: RunStream,
    private readonly _labels: ReadonlyMap<string, string>,
    private readonly _preferences: () => Preferences
  ) {
    this._shownRun = new ShownRun(stream, () => [..._labels.keys()]);
  }

  get logLines(): number {
    return this._preferences().logLines;
  }

  get run(): Snapshot | null {
    return this._shownRun.snapshot;
  }

  get active(): boolean {
    return this._shownRun.active;
  }

  get changed(): ISignal<unknown, void> {
    return this._shownRun.changed;
  }

  progress(step: string): StepProgress | null {
    return this._shownRun.progress(step);
  }

  /** The progress of all steps that are known, in the pipeline's order. */
  get allProgress(): Map<string, StepProgress> {
    const all = new Map<string, StepProgress>();
    for (const step of this._labels.keys()) {
      const progress = this.progress(step);
      if (progress) {
        all.set(step, progress);
      }
    }
    return all;
  }

  stepLabel(step: string): string {
    return this._labels.get(step) ?? step;
  }

  lastLine(step: string): LastLine | null {
    return this._shownRun.lastLine(step);
  }

  show(run: Snapshot): void {
    this._shownRun.show(run);
  }

  get isDisposed(): boolean {
    return this._shownRun.isDisposed;
  }

  dispose(): void {
    this._shownRun.dispose();
  }

  private readonly _shownRun: ShownRun;
}
