/** Where the runs of one notebook go: the targets that there are, and the one that was selected. */

import { ISignal, Signal } from '@lumino/signaling';

import { TargetInfo } from '@kfnb/core/wire/api-types';
import { Preferences } from '../preferences/preferences-plugin';
import { RestClient } from '../server/rest-client';

/** The choice of this machine with every step in a container. No target has such a name. */
export const IN_CONTAINERS = 'local, in containers';

export class TargetChoice {
  /** `path` is that of the notebook; `named` is the target that the notebook itself names. */
  constructor(
    private readonly _client: RestClient,
    private readonly _path: () => string,
    private readonly _named: () => string | null | undefined,
    private readonly _preferences: () => Preferences
  ) {}

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /**
   * The target that a run goes to: the one that the user selected for this notebook, else the one that the notebook
   * names if the user trusts it, else the one of the user's preferences, else this machine.
   */
  get current(): string {
    if (this.inContainers) {
      return 'local';
    }
    const usable = (name: string | null | undefined) =>
      this._all.find(target => target.name === name && target.trusted)?.name;
    return this._selected ?? usable(this._named()) ?? usable(this._preferences().target) ?? 'local';
  }

  /** The engine of the target that a run goes to. */
  get engine(): string {
    return this._all.find(target => target.name === this.current)?.engine ?? 'local';
  }

  /** The targets that the server last listed. */
  get all(): readonly TargetInfo[] {
    return this._all;
  }

  /** What the user selected: a target, or `IN_CONTAINERS`. */
  get selected(): string | null {
    return this._selected;
  }

  /** Whether every step runs in a container on this machine. */
  get inContainers(): boolean {
    return this._selected === IN_CONTAINERS;
  }

  /** The tool that runs containers on the server's machine; null when there is none. */
  get containerTool(): string | null {
    return this._containerTool;
  }

  select(name: string): void {
    this._selected = name;
    this._changed.emit();
  }

  /** Asks the server which targets there are. */
  async read(): Promise<void> {
    const found = await this._client.targets(this._path()).catch(() => ({ targets: [], containers: null }));
    this._all = found.targets;
    this._containerTool = found.containers;
    this._changed.emit();
  }

  private _selected: string | null = null;
  private _all: TargetInfo[] = [];
  private _containerTool: string | null = null;
  private readonly _changed = new Signal<this, void>(this);
}
