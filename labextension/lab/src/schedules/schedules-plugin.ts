/** The plugin that adds the page of schedules: commands, palette and launcher. */

import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../common/command-ids';
import { restorePages } from '../common/kept-pages';
import { pipelineIcon } from '../common/pipeline-icon';
import { showPage } from '../common/show-page';
import { ISessions } from '../session/sessions-plugin';
import { SchedulesPage } from './schedules-page';

const NO_ARGUMENTS = { args: { type: 'object' as const, properties: {} } };

export const schedulesPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:schedules',
  description: 'Shows the notebooks that run at set times, and makes such schedules.',
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
    const { commands, shell } = app;
    const tracker = new WidgetTracker<SchedulesPage>({ namespace: 'kfnb-schedules' });
    const openRun = (run: string) => void commands.execute(CommandIDs.openRun, { run });
    let page: SchedulesPage | null = null;
    const open = () => {
      if (!page || page.isDisposed) {
        page = new SchedulesPage(sessions, openRun, trans);
        void tracker.add(page);
      }
      showPage(shell, page, 'Schedules');
      return page;
    };
    commands.addCommand(CommandIDs.schedules, {
      label: trans.__('Schedules'),
      caption: trans.__('Show the notebooks that run at set times'),
      icon: pipelineIcon,
      describedBy: NO_ARGUMENTS,
      execute: () => void open()
    });
    commands.addCommand(CommandIDs.addSchedule, {
      label: trans.__('Schedule This Notebook…'),
      caption: trans.__('Run this notebook at set times'),
      icon: pipelineIcon,
      describedBy: NO_ARGUMENTS,
      isEnabled: () => sessions.current !== null,
      execute: () => {
        const session = sessions.current;
        if (session) {
          open().startForm(session);
        }
      }
    });
    for (const command of [CommandIDs.schedules, CommandIDs.addSchedule]) {
      palette?.addItem({ command, category: trans.__('Pipeline') });
    }
    launcher?.add({ command: CommandIDs.schedules, category: trans.__('Other'), rank: 60 });
    restorePages(app, restorer, tracker, {
      command: CommandIDs.schedules,
      args: () => ({}),
      name: () => 'kfnb-schedules'
    });
  }
};
