/** The plugin that makes an unmarked notebook a pipeline: it writes the marks of all cells at once. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../common/command-ids';
import { pipelineIcon } from '../common/pipeline-icon';
import { setSteps } from '../marks/notebook-marks';
import { ISessions } from '../session/sessions-plugin';
import { chooseDivision } from './division-dialog';

export const unmarkedPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:unmarked',
  description: 'Makes a notebook without marks a pipeline.',
  autoStart: true,
  requires: [ISessions],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    app.commands.addCommand(CommandIDs.makePipeline, {
      label: trans.__('Make This a Pipeline…'),
      caption: trans.__('Mark the cells of this notebook as steps: by headings, by cells, or all as one step'),
      icon: pipelineIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => sessions.current !== null,
      execute: async () => {
        const session = sessions.current;
        const steps = session ? await chooseDivision(session, trans) : null;
        if (session && steps) {
          setSteps(session.panel.content, steps);
          await session.compiled.compile();
        }
      }
    });
    palette?.addItem({ command: CommandIDs.makePipeline, category: trans.__('Pipeline') });
  }
};
