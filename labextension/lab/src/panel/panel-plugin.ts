/** The plugin that adds the pipeline to the side bar. */

import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { CommandToolbarButton } from '@jupyterlab/ui-components';

import { ICells } from '../cells/cells-plugin';
import { CommandIDs } from '../common/command-ids';
import { pipelineIcon } from '../common/pipeline-icon';
import { addMark } from '../marks/notebook-marks';
import { PanelActions, PipelinePanel } from './pipeline-panel';
import { ISessions } from '../session/sessions-plugin';

/** The shells of JupyterLab and Notebook 7 have methods of their own to open the side bar. */
interface IExpandableShell {
  expandRight?: () => void;
}

export const panelPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:sidebar',
  description: 'Shows the pipeline of the notebook in the side bar.',
  autoStart: true,
  requires: [ISessions],
  optional: [ICells, ICommandPalette, ILayoutRestorer, IToolbarWidgetRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    cells: ICells | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    toolbars: IToolbarWidgetRegistry | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    const actions: PanelActions = {
      reveal: (session, step) => void cells?.of(session.panel).reveal(step),
      revealProblem: (session, problem) =>
        void cells?.of(session.panel).revealLine({ id: problem.cell_id, number: problem.cell }, problem.line),
      addMark: (session, problem, mark) => addMark(session.panel.content, problem.cell_id, mark)
    };
    const panel = new PipelinePanel(sessions, app.commands, actions, trans);
    app.shell.add(panel, 'right', { rank: 700, type: 'Pipeline' });
    restorer?.add(panel, 'kfnb-panel');
    app.commands.addCommand(CommandIDs.panel, {
      label: trans.__('Show Pipeline'),
      icon: pipelineIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        (app.shell as IExpandableShell).expandRight?.();
        app.shell.activateById(panel.id);
      }
    });
    // for Notebook 7: in JupyterLab, where the side bar has the icon, the style sheet hides it
    toolbars?.addFactory(
      'Notebook',
      'kfnb-panel',
      () => new CommandToolbarButton({ commands: app.commands, id: CommandIDs.panel, label: '' })
    );
    palette?.addItem({ command: CommandIDs.panel, category: trans.__('Pipeline') });
  }
};
