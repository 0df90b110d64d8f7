/** The plugin that opens the pages of runs: by command, link, launcher, and again after a reload. */

import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Clipboard, ICommandPalette, Notification } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';

import { CommandIDs } from '../common/command-ids';
import { KeptPages } from '../common/kept-pages';
import { pipelineIcon } from '../common/pipeline-icon';
import { ISessions } from '../session/sessions-plugin';
import { PageActions } from './page-head';
import { reportPage } from './report-page';
import { RunPage } from './run-page';

const LINK = 'kfnb-run'; // the parameter of an address that opens a run's page

export const runPagePlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:run-page',
  description: 'Shows runs on pages of their own in the main area.',
  autoStart: true,
  requires: [ISessions, INotebookTracker, IRenderMimeRegistry],
  optional: [ILayoutRestorer, ILauncher, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    notebooks: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    restorer: ILayoutRestorer | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    const pages = new KeptPages<RunPage>(app, {
      type: 'Run',
      namespace: 'kfnb-run-page',
      name: page => page.run,
      command: CommandIDs.openRun,
      args: page => ({ run: page.run })
    });
    const actions = pageActions(app, sessions, notebooks, trans);
    const open = (run: string) => pages.open(run, () => new RunPage(run, sessions, rendermime, actions, trans));
    const category = trans.__('Pipeline');
    app.commands.addCommand(CommandIDs.openRun, {
      label: trans.__('Open Newest Run'),
      caption: trans.__('Open the page of a run: its graph, timing, steps and logs'),
      icon: pipelineIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: { run: { type: 'string', description: 'The id of the run; by default the newest of all' } }
        }
      },
      execute: async args => {
        const run = typeof args.run === 'string' ? args.run : await newestRun(sessions);
        if (run === null) {
          Notification.info(trans.__('Nothing has been run as a pipeline yet'), { autoClose: 5000 });
        } else {
          open(run);
        }
      }
    });
    palette?.addItem({ command: CommandIDs.openRun, category });
    launcher?.add({ command: CommandIDs.openRun, category: trans.__('Other'), rank: 50 });
    pages.restore(restorer);
    const linked = new URLSearchParams(window.location.search).get(LINK);
    if (linked) {
      void app.restored.then(() => open(linked));
    }
  }
};

async function newestRun(sessions: ISessions): Promise<string | null> {
  const { runs } = await sessions.client.runs('', null, 1);
  return runs[0]?.run ?? null;
}

function pageActions(
  app: JupyterFrontEnd,
  sessions: ISessions,
  notebooks: INotebookTracker,
  trans: TranslationBundle
): PageActions {
  const panelAt = (path: string | null) => notebooks.find(panel => panel.context.path === path) ?? null;
  return {
    retry: async (source, step, path) => {
      const panel = panelAt(path);
      const session = panel && sessions.of(panel);
      await session?.compiled.compile();
      source.show(await source.client.retry(source.run?.run.run ?? '', session?.request() ?? null, step));
    },
    openNotebook: async (source, path) => {
      const open = panelAt(path);
      // Notebook 7 opens a file in another tab of the browser, also one that is open here
      await (open ? app.shell.activateById(open.id) : app.commands.execute('docmanager:open', { path }));
      const panel = open ?? panelAt(path);
      await panel?.context.ready;
      if (panel && source.run) {
        sessions.of(panel).show(source.run);
      }
    },
    compare: runs => void app.commands.execute(CommandIDs.compareRuns, { runs }),
    openReport: ({ run, pipeline }, html) => {
      const page = reportPage(run, pipeline, html, trans);
      [...app.shell.widgets('main')].find(open => open.id === page.id)?.dispose(); // the one of an earlier state
      app.shell.add(page, 'main', { type: 'Report' });
      app.shell.activateById(page.id);
    },
    copyLink: run => {
      Clipboard.copyToSystem(`${URLExt.join(PageConfig.getBaseUrl(), 'lab')}?${LINK}=${run}`);
      Notification.success(trans.__('The link is in the clipboard'), { autoClose: 3000 });
    }
  };
}
