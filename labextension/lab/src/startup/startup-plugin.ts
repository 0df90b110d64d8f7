/** The plugin that checks the server extension once at startup, and adds the launcher card for pipeline notebooks. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import { RefusedError } from '../server/rest-client';
import { CommandIDs } from '../common/command-ids';
import { exampleNotebook } from './example-notebook';
import { pipelineIcon } from '../common/pipeline-icon';
import { ISessions } from '../session/sessions-plugin';
import { VERSION } from '../common/version';

export const startupPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:start',
  description: 'Reports a missing server extension, and creates pipeline notebooks.',
  autoStart: true,
  requires: [ISessions],
  optional: [ICommandPalette, ILauncher, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    void app.restored.then(() => checkServer(sessions, trans));
    app.commands.addCommand(CommandIDs.create, {
      label: trans.__('Pipeline Notebook'),
      caption: trans.__('Create a notebook whose cells are steps of a pipeline'),
      icon: pipelineIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: { cwd: { type: 'string', description: 'The folder in which the notebook is created' } }
        }
      },
      execute: async args => {
        const path = typeof args.cwd === 'string' ? args.cwd : '';
        const contents = app.serviceManager.contents;
        const file = await contents.newUntitled({ path, type: 'notebook' });
        await contents.save(file.path, { type: 'notebook', format: 'json', content: exampleNotebook(trans) });
        await app.commands.execute('docmanager:open', { path: file.path });
      }
    });
    palette?.addItem({ command: CommandIDs.create, category: trans.__('Pipeline') });
    launcher?.add({ command: CommandIDs.create, category: trans.__('Notebook'), rank: 50 });
  }
};

async function checkServer(sessions: ISessions, trans: TranslationBundle): Promise<void> {
  try {
    const { version } = await sessions.client.status();
    if (version !== VERSION) {
      Notification.warning(
        trans.__(
          'kfnb is version %1 in the browser and %2 on the server: restart the server, then reload',
          VERSION,
          version
        ),
        { autoClose: false }
      );
    }
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) {
      Notification.error(
        trans.__('The server has no kfnb: run `jupyter server extension enable kfnb.server`, then restart it'),
        { autoClose: false }
      );
    }
  }
}
