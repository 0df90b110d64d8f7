/** A page of the runs of all notebooks, as the filters ask for it, kept current while it is looked at. */

import { Poll } from '@lumino/polling';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { FINAL_STATES } from '@kfnb/core/states';
import { errorText } from '@kfnb/core/format';
import { Experiment, ListedRun, RunChoices, StreamMessage } from '@kfnb/core/wire/api-types';
import { RestClient, RunQuery } from '../server/rest-client';
import { RunStream } from '../server/run-stream';
import { applyRunMessage, initialQuery, withFilter } from './run-filters';

const REFRESH_INTERVAL = 5_000; // milliseconds; runs that begin elsewhere appear after this time

export class AllRunsModel implements IDisposable {
  constructor(
    readonly client: RestClient,
    private readonly _stream: RunStream
  ) {
    _stream.message.connect(this._onMessage, this);
    this._poll = new Poll({
      factory: () => this._load(),
      frequency: { interval: REFRESH_INTERVAL, backoff: true, max: 60_000 },
      standby: () => (this._looked ? 'when-hidden' : true),
      auto: true
    });
  }

  query: RunQuery = initialQuery();
  runs: ListedRun[] = [];
  total = 0;
  /** The experiments in place of the runs; null when the runs are listed. */
  experiments: Experiment[] | null = null;
  choices: RunChoices = { notebooks: [], targets: [], experiments: [], tags: [] };
  /** Why the runs cannot be listed; null when they can. */
  error: string | null = null;
  /** Whether the server has answered once. */
  loaded = false;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The chosen runs, on whatever page they are, with the seconds at which they were created. */
  readonly selected = new Map<string, number>();

  select(run: string, chosen: boolean): void {
    if (chosen) {
      this.selected.set(run, this.runs.find(one => one.run === run)?.created ?? 0);
    } else {
      this.selected.delete(run);
    }
    this._changed.emit();
  }

  /** The chosen runs, the oldest first. */
  selectedByAge(): string[] {
    return [...this.selected].sort(([, one], [, other]) => one - other).map(([run]) => run);
  }

  get grouped(): boolean {
    return this._grouped;
  }

  /** Whether experiments are listed, and not runs. */
  set grouped(grouped: boolean) {
    this._grouped = grouped;
    this.experiments = null;
    this._changed.emit();
    void this.refresh();
  }

  /** Whether somebody looks at the list. It is read only then. */
  set looked(looked: boolean) {
    this._looked = looked;
    if (looked) {
      void this.refresh();
    }
  }

  /** Narrows the list, sorts it or turns the page. A new filter begins on the first page. */
  change(part: Partial<RunQuery>): void {
    this.query = withFilter(this.query, part);
    this._changed.emit();
    void this.refresh();
  }

  refresh(): Promise<void> {
    return this._poll.refresh();
  }

  /** Deletes the chosen runs that have ended, and returns how many that were. */
  async deleteSelected(): Promise<number> {
    const { runs } = await this.client.deleteRuns([...this.selected.keys()]);
    runs.forEach(run => this.selected.delete(run));
    await this.refresh();
    return runs.length;
  }

  private async _load(): Promise<void> {
    const { query, grouped } = this;
    try {
      const [page, choices, experiments] = await Promise.all([
        this.client.findRuns(query),
        this.client.runChoices(),
        grouped ? this.client.experiments() : null
      ]);
      if (query !== this.query || grouped !== this.grouped || this.isDisposed) {
        return; // the answer to a question that is asked no more
      }
      Object.assign(this, { runs: page.runs, total: page.total, choices, experiments, error: null, loaded: true });
      this._watch();
    } catch (error) {
      this.error = errorText(error);
    }
    this._changed.emit();
    if (this.runs.length === 0 && this.total > 0 && query.start > 0) {
      this.change({ start: 0 }); // the last page was deleted
    }
  }

  /** Watches those runs of the page that have not ended. */
  private _watch(): void {
    const active = new Set(this.runs.filter(run => !FINAL_STATES.has(run.state)).map(run => run.run));
    [...active].filter(run => !this._watched.has(run)).forEach(run => this._stream.watch(run));
    [...this._watched].filter(run => !active.has(run)).forEach(run => this._stream.unwatch(run));
    this._watched = active;
  }

  private _onMessage(_: RunStream, message: StreamMessage): void {
    if (this._watched.has(message.id)) {
      const runs = applyRunMessage(this.runs, message);
      if (runs !== this.runs) {
        this.runs = runs;
        this._changed.emit();
      }
    }
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      this._poll.dispose();
      this._watched.forEach(run => this._stream.unwatch(run));
      Signal.clearData(this);
    }
  }

  private readonly _poll: Poll;
  private _looked = false;
  private _grouped = false;
  private _isDisposed = false;
  private _watched = new Set<string>();
  private readonly _changed = new Signal<this, void>(this);
}
