/** The plugin with the form that starts a run: target, parameters, experiment, and what would be sent. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../common/command-ids';
import { ISessions } from '../session/sessions-plugin';
import { askForRun } from './submit-dialog';
import { SubmitChoice } from './submit-form';

export const submitPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:submit',
  description: 'Starts runs from a form.',
  autoStart: true,
  requires: [ISessions],
  optional: [ICommandPalette, IStateDB, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    palette: ICommandPalette | null,
    state: IStateDB | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    app.commands.addCommand(CommandIDs.submitForm, {
      label: trans.__('Run Pipeline With…'),
      caption: trans.__('Choose target, parameters and experiment, and see what would be sent'),
      describedBy: { args: { type: 'object', properties: {} } },
      isEnabled: () => sessions.current !== null && !sessions.current.active,
      execute: async () => {
        const session = sessions.current;
        if (!session) {
          return;
        }
        await session.compiled.compile();
        const key = `kfnb:submit:${session.path}`;
        const stored = (await state?.fetch(key).catch(() => undefined)) as Partial<SubmitChoice> | undefined;
        const chosen = await askForRun(session, stored ?? {}, app.commands, trans);
        if (chosen) {
          await state?.save(key, { ...chosen.choice });
          const { cache, experiment, name, priority } = chosen.options;
          await app.commands.execute(CommandIDs.run, { cache, experiment, name, priority });
        }
      }
    });
    palette?.addItem({ command: CommandIDs.submitForm, category: trans.__('Pipeline') });
  }
};
