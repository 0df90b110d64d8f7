/** The plugin with the list of all runs, a tab of the main area. */

import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, MainAreaWidget, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { errorText } from '@kfnb/core/format';
import { ListedRun } from '@kfnb/core/wire/api-types';
import { CommandIDs } from '../common/command-ids';
import { restorePages } from '../common/kept-pages';
import { pipelineIcon } from '../common/pipeline-icon';
import { showPage } from '../common/show-page';
import { ISessions } from '../session/sessions-plugin';
import { AllRunsModel } from './all-runs-model';
import { AllRunsView, RunActions } from './all-runs-view';

export const allRunsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:all-runs',
  description: 'Lists the runs of all notebooks.',
  autoStart: true,
  requires: [ISessions],
  optional: [ICommandPalette, ILauncher, ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    const tracker = new WidgetTracker<MainAreaWidget<AllRunsView>>({ namespace: 'kfnb-all-runs' });
    const actions: RunActions = {
      openNotebook: run => void openRun(app, sessions, run),
      openPage: run => void app.commands.execute(CommandIDs.openRun, { run: run.run }),
      openExperiment: experiment => void app.commands.execute(CommandIDs.openExperiment, { experiment }),
      compare: runs => void app.commands.execute(CommandIDs.compareRuns, { runs })
    };
    const create = () => {
      const model = new AllRunsModel(sessions.client, sessions.stream);
      const content = new AllRunsView(model, actions, trans);
      const widget = new MainAreaWidget({ content });
      widget.id = 'kfnb-all-runs';
      widget.title.label = trans.__('All Runs');
      widget.title.icon = pipelineIcon;
      widget.title.closable = true;
      return widget;
    };
    const command = CommandIDs.allRuns;
    app.commands.addCommand(command, {
      label: trans.__('All Runs'),
      caption: trans.__('List the runs of all notebooks'),
      icon: pipelineIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: { grouped: { type: 'boolean', description: 'Lists experiments in place of runs' } }
        }
      },
      execute: async args => {
        const widget = tracker.currentWidget ?? create();
        const isNew = !widget.isAttached;
        showPage(app.shell, widget, 'All Runs');
        if (isNew) {
          await tracker.add(widget);
        }
        if (args.grouped === true) {
          widget.content.group();
        }
        return widget;
      }
    });
    palette?.addItem({ command, category: trans.__('Pipeline') });
    launcher?.add({ command, category: trans.__('Other'), rank: 50 });
    restorePages(app, restorer, tracker, { command, args: () => ({}), name: () => 'all-runs' });
  }
};

/** Opens the notebook of a run with the states and logs of that run on its cells. */
async function openRun(app: JupyterFrontEnd, sessions: ISessions, run: ListedRun): Promise<void> {
  try {
    const current = sessions.current;
    if (current !== null && current.path === run.path) {
      app.shell.activateById(current.panel.id); // Notebook 7 would open the file in another tab of the browser
      await current.showRun(run.run);
      return;
    }
    const opened: unknown = await app.commands.execute('docmanager:open', { path: run.path, factory: 'Notebook' });
    if (opened instanceof NotebookPanel) {
      await sessions.of(opened).showRun(run.run);
    }
  } catch (error) {
    Notification.warning(errorText(error), { autoClose: 8000 });
  }
}
