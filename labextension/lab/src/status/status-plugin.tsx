/** The plugin that shows in the status bar how many pipelines run. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';
import * as React from 'react';

import { CommandIDs } from '../common/command-ids';
import { pipelineIcon } from '../common/pipeline-icon';
import { RestClient } from '../server/rest-client';
import { ISessions } from '../session/sessions-plugin';

const INTERVAL = 10_000; // milliseconds between two requests; a run of an open notebook is counted at once
const MAX_INTERVAL = 60_000;

export const statusPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:status',
  description: 'Shows in the status bar how many pipelines run.',
  autoStart: true,
  requires: [INotebookTracker, ISessions],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    sessions: ISessions,
    bar: IStatusBar | null,
    translator: ITranslator | null
  ) => {
    if (!bar) {
      return; // Notebook 7 has none
    }
    const running = new RunningRuns(sessions.client);
    tracker.widgetAdded.connect((_, panel) => {
      let active = false;
      sessions.of(panel).changed.connect(session => {
        if (session.active !== active) {
          active = session.active;
          running.count();
        }
      });
    });
    void app.restored.then(() => running.count());
    const trans = (translator ?? nullTranslator).load('kfnb');
    bar.registerStatusItem('kfnb:running', {
      item: new RunningItem(running, app.commands, trans),
      align: 'left',
      rank: 100,
      isActive: () => running.number > 0,
      activeStateChanged: running.changed
    });
  }
};

/** The number of runs that have not ended, of all notebooks and targets. */
class RunningRuns {
  constructor(private readonly _client: RestClient) {
    this._poll = new Poll({
      factory: () => this._ask(),
      frequency: { interval: INTERVAL, backoff: true, max: MAX_INTERVAL },
      standby: 'when-hidden',
      auto: false
    });
  }

  number = 0;

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Counts now, and again after a while. */
  count(): void {
    void this._poll.refresh();
  }

  private async _ask(): Promise<void> {
    const number = await this._client.running();
    if (number !== this.number) {
      this.number = number;
      this._changed.emit();
    }
  }

  private readonly _poll: Poll;
  private readonly _changed = new Signal<this, void>(this);
}

class RunningItem extends ReactWidget {
  constructor(
    private readonly _running: RunningRuns,
    private readonly _commands: CommandRegistry,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-Status');
    this.addClass('kfnb-Controls');
    _running.changed.connect(() => this.update());
  }

  protected render(): React.JSX.Element {
    const number = this._running.number;
    return (
      <button
        type="button"
        title={this._trans.__('Show the runs')}
        onClick={() => void this._commands.execute(CommandIDs.panel)}
      >
        <pipelineIcon.react tag="span" stylesheet="statusBar" />
        {this._trans._n('%1 pipeline runs', '%1 pipelines run', number)}
      </button>
    );
  }
}
