/** The code that a notebook's cells had in the run that they show. */

import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { isActive } from '@kfnb/core/run/run-progress';
import { RestClient } from '../server/rest-client';
import { ShownRun } from './shown-run';

export class RanSources implements IDisposable {
  constructor(
    private readonly _client: RestClient,
    private readonly _shownRun: ShownRun
  ) {
    _shownRun.changed.connect(this._onRunChanged, this);
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Whether a cell of the run has other code now. Of a cell that was not in it, nothing is said. */
  isChanged(cell: string, source: string): boolean {
    const ran = this._sources[cell];
    return ran !== undefined && ran !== source;
  }

  /** Reads the code again when another run is shown, and when a run that had ended was taken up again, however short that was. */
  private _onRunChanged(): void {
    const run = this._shownRun.snapshot;
    const key = run ? `${run.run.run} ${isActive(run)} ${run.run.finished}` : '';
    if (key !== this._key) {
      this._key = key;
      void this._read(run?.run.run ?? null);
    }
  }

  private async _read(run: string | null): Promise<void> {
    const key = this._key;
    // a run that was deleted, or a server that is gone: then nothing is said of the cells
    const { sources } = run ? await this._client.sources(run).catch(() => ({ sources: {} })) : { sources: {} };
    if (key === this._key && !this.isDisposed) {
      this._sources = sources;
      this._changed.emit();
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    this._shownRun.changed.disconnect(this._onRunChanged, this);
    Signal.clearData(this);
  }

  private _sources: Record<string, string> = {};
  private _key = '';
  private _isDisposed = false;
  private readonly _changed = new Signal<this, void>(this);
}
