/** The plugin that keeps one session for each open notebook. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Cell } from '@jupyterlab/cells';
import { INotebookTracker, Notebook, NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { Token } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { DEFAULTS, IPreferences } from '../preferences/preferences-plugin';
import { RestClient } from '../server/rest-client';
import { FollowedRun } from './followed-run';
import { NotebookSession } from './notebook-session';
import { RunStream } from '../server/run-stream';

const STARTS_RUN = /%pipeline\b|\bkfnb\b/;
const POLL_INTERVAL = 500; // milliseconds between two requests for a run that an executing cell may have started

export interface ISessions {
  readonly client: RestClient;
  /** The changes of all watched runs. */
  readonly stream: RunStream;
  /** The session of a notebook, which is created at the first call. */
  of(panel: NotebookPanel): NotebookSession;
  /** The session of the current notebook. */
  readonly current: NotebookSession | null;
  readonly currentChanged: ISignal<ISessions, NotebookSession | null>;
  /** Follows runs for a view that is not a notebook's, one after the other; `labels` has those of their steps by name. */
  follow(labels: ReadonlyMap<string, string>): FollowedRun;
}

export const ISessions = new Token<ISessions>(
  'kfnb:ISessions',
  'The sessions of open notebooks: their pipelines and runs.'
);

export const sessionsPlugin: JupyterFrontEndPlugin<ISessions> = {
  id: 'kfnb:sessions',
  description: 'Compiles open notebooks to pipelines and follows their runs.',
  autoStart: true,
  provides: ISessions,
  requires: [INotebookTracker],
  optional: [IPreferences, IStateDB],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    preferences: IPreferences | null,
    state: IStateDB | null
  ): ISessions => new Sessions(new RestClient(app.serviceManager.serverSettings), tracker, preferences, state)
};

class Sessions implements ISessions {
  constructor(
    readonly client: RestClient,
    private readonly _tracker: INotebookTracker,
    private readonly _preferences: IPreferences | null,
    private readonly _stateDB: IStateDB | null
  ) {
    this.stream = new RunStream(client);
    _tracker.widgetAdded.connect((_, panel) => void this.of(panel));
    _tracker.currentChanged.connect(() => this._currentChanged.emit(this.current));
    NotebookActions.executionScheduled.connect((_, { notebook, cell }) => this._onExecutionScheduled(notebook, cell));
  }

  readonly stream: RunStream;

  /** The preferences as they are now. */
  private readonly _current = () => this._preferences?.current ?? DEFAULTS;

  get current(): NotebookSession | null {
    const panel = this._tracker.currentWidget;
    return panel ? this.of(panel) : null;
  }

  get currentChanged(): ISignal<this, NotebookSession | null> {
    return this._currentChanged;
  }

  of(panel: NotebookPanel): NotebookSession {
    let session = this._sessions.get(panel);
    if (!session) {
      session = new NotebookSession(panel, this.client, this.stream, this._current);
      this._sessions.set(panel, session);
      void this._restoreTarget(session);
    }
    return session;
  }

  follow(labels: ReadonlyMap<string, string>): FollowedRun {
    return new FollowedRun(this.client, this.stream, labels, this._current);
  }

  /** Shows a run that the code of a cell starts, for instance with `%pipeline run`. */
  private _onExecutionScheduled(notebook: Notebook, cell: Cell): void {
    const panel = this._tracker.find(one => one.content === notebook);
    if (!panel || !STARTS_RUN.test(cell.model.sharedModel.getSource())) {
      return;
    }
    const poll = () => void this.of(panel).showStarted();
    const timer = window.setInterval(poll, POLL_INTERVAL);
    const stop = () => {
      window.clearInterval(timer);
      NotebookActions.executed.disconnect(executed);
    };
    const executed = (_: unknown, ended: { cell: Cell }) => {
      if (ended.cell === cell) {
        stop();
        poll();
      }
    };
    NotebookActions.executed.connect(executed);
    panel.disposed.connect(stop);
  }

  /** Selects the target that the user selected last for this notebook. It is stored in JupyterLab, not in the notebook. */
  private async _restoreTarget(session: NotebookSession): Promise<void> {
    const key = `kfnb:target:${session.path}`;
    const stored = await this._stateDB?.fetch(key).catch(() => undefined);
    if (typeof stored === 'string' && session.targets.selected === null) {
      session.targets.select(stored);
    }
    session.changed.connect(() => {
      const selected = session.targets.selected;
      if (selected !== null && selected !== stored) {
        void this._stateDB?.save(key, selected);
      }
    });
  }

  private readonly _sessions = new WeakMap<NotebookPanel, NotebookSession>();
  private readonly _currentChanged = new Signal<this, NotebookSession | null>(this);
}
