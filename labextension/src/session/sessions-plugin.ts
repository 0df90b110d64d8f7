/** The sessions of all open notebooks, for every part of the extension. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Cell } from '@jupyterlab/cells';
import { INotebookTracker, Notebook, NotebookActions, NotebookPanel } from '@jupyterlab/notebook';
import { IStateDB } from '@jupyterlab/statedb';
import { Token } from '@lumino/coreutils';
import { ISignal, Signal } from '@lumino/signaling';

import { RestClient } from '../server/rest-client';
import { NotebookSession } from './notebook-session';
import { RunStream } from '../server/run-stream';

const STARTS_RUN = /%pipeline\b|\bkfnb\b/;
const POLL_INTERVAL = 500; // milliseconds between two looks for a run that a cell begins, while it is executed

export interface ISessions {
  readonly client: RestClient;
  /** The session of a notebook; made when it is first asked for. */
  of(panel: NotebookPanel): NotebookSession;
  /** The session of the notebook that the user works in. */
  readonly current: NotebookSession | null;
  readonly currentChanged: ISignal<ISessions, NotebookSession | null>;
}

export const ISessions = new Token<ISessions>('kfnb:ISessions', 'What is known of the pipelines of open notebooks.');

export const sessionsPlugin: JupyterFrontEndPlugin<ISessions> = {
  id: 'kfnb:sessions',
  description: 'Reads open notebooks as pipelines and follows their runs.',
  autoStart: true,
  provides: ISessions,
  requires: [INotebookTracker],
  optional: [IStateDB],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, state: IStateDB | null): ISessions =>
    new Sessions(new RestClient(app.serviceManager.serverSettings), tracker, state)
};

class Sessions implements ISessions {
  constructor(
    readonly client: RestClient,
    private readonly _tracker: INotebookTracker,
    private readonly _stateDB: IStateDB | null
  ) {
    this._stream = new RunStream(client);
    _tracker.widgetAdded.connect((_, panel) => void this.of(panel));
    _tracker.currentChanged.connect(() => this._currentChanged.emit(this.current));
    NotebookActions.executionScheduled.connect((_, { notebook, cell }) => this._onExecutionScheduled(notebook, cell));
  }

  get current(): NotebookSession | null {
    const panel = this._tracker.currentWidget;
    return panel ? this.of(panel) : null;
  }

  get currentChanged(): ISignal<this, NotebookSession | null> {
    return this._currentChanged;
  }

  of(panel: NotebookPanel): NotebookSession {
    let found = this._sessions.get(panel);
    if (!found) {
      found = new NotebookSession(panel, this.client, this._stream);
      this._sessions.set(panel, found);
      void this._restoreTarget(found);
    }
    return found;
  }

  /** A run that a cell begins shows on the cells too. */
  private _onExecutionScheduled(notebook: Notebook, cell: Cell): void {
    const panel = this._tracker.find(one => one.content === notebook);
    if (!panel || !STARTS_RUN.test(cell.model.sharedModel.getSource())) {
      return;
    }
    const look = () => void this.of(panel).showStarted();
    const timer = window.setInterval(look, POLL_INTERVAL);
    const stop = () => {
      window.clearInterval(timer);
      NotebookActions.executed.disconnect(executed);
    };
    const executed = (_: unknown, ended: { cell: Cell }) => {
      if (ended.cell === cell) {
        stop();
        look();
      }
    };
    NotebookActions.executed.connect(executed);
    panel.disposed.connect(stop);
  }

  /** The target that was chosen last for a notebook is chosen again; it stands in no file of the user's. */
  private async _restoreTarget(session: NotebookSession): Promise<void> {
    const key = `kfnb:target:${session.path}`;
    const known = await this._stateDB?.fetch(key).catch(() => undefined);
    if (typeof known === 'string' && session.selectedTarget === null) {
      session.setTarget(known);
    }
    session.changed.connect(() => {
      const chosen = session.selectedTarget;
      if (chosen !== null && chosen !== known) {
        void this._stateDB?.save(key, chosen);
      }
    });
  }

  private readonly _stream: RunStream;
  private readonly _sessions = new WeakMap<NotebookPanel, NotebookSession>();
  private readonly _currentChanged = new Signal<this, NotebookSession | null>(this);
}
