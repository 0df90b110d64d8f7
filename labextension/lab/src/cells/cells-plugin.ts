/** The plugin that shows badges and logs of steps on the cells. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Token } from '@lumino/coreutils';

import { CellViews } from './cell-views';
import { CommandIDs } from '../common/command-ids';
import { openMenu } from '../common/open-menu';
import { ISessions } from '../session/sessions-plugin';

export interface ICells {
  /** The badges and logs on the cells of a notebook. */
  of(panel: NotebookPanel): CellViews;
}

export const ICells = new Token<ICells>('kfnb:ICells', 'Badges and logs on the cells of open notebooks.');

const ID = 'kfnb:badges';
const STEP_COMMANDS = [
  CommandIDs.log,
  null,
  CommandIDs.runStep,
  CommandIDs.runFrom,
  CommandIDs.retry,
  null,
  CommandIDs.inputs,
  CommandIDs.outputs,
  null,
  CommandIDs.markMenu,
  CommandIDs.rename,
  CommandIDs.unmark
];

export const cellsPlugin: JupyterFrontEndPlugin<ICells> = {
  id: ID,
  description: 'Shows the steps of a pipeline on the cells of its notebook, live.',
  autoStart: true,
  provides: ICells,
  requires: [INotebookTracker, ISessions],
  optional: [ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    sessions: ISessions,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ): ICells => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    const views = new WeakMap<NotebookPanel, CellViews>();
    const openStepMenu = (step: string, x: number, y: number) => {
      const items = STEP_COMMANDS.map(command =>
        command ? { command, args: { step } } : { type: 'separator' as const }
      );
      openMenu(app.commands, menu => items.forEach(item => menu.addItem(item)), x, y);
    };
    const of = (panel: NotebookPanel) => {
      let cellViews = views.get(panel);
      if (!cellViews) {
        cellViews = new CellViews(panel, sessions.of(panel), trans, openStepMenu);
        views.set(panel, cellViews);
      }
      return cellViews;
    };
    tracker.widgetAdded.connect((_, panel) => void of(panel));
    void registry?.load(ID).then(applyBadgeSetting);
    return { of };
  }
};

/** Shows or hides all badges, as the user's settings say. */
function applyBadgeSetting(settings: ISettingRegistry.ISettings): void {
  const apply = () => {
    document.body.classList.toggle('kfnb-mod-noBadges', settings.composite.showBadges === false);
  };
  settings.changed.connect(apply);
  apply();
}
