/** The plugin that compares runs: by command, from the list of all runs, and again after a reload. */

import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { MOST_RUNS } from '@kfnb/core/comparison/comparison-parts';
import { errorText } from '@kfnb/core/format';
import { CommandIDs } from '../common/command-ids';
import { KeptPages } from '../common/kept-pages';
import { pipelineIcon } from '../common/pipeline-icon';
import { ISessions } from '../session/sessions-plugin';
import { chooseRuns } from './choose-runs-dialog';
import { ComparisonPage } from './comparison-page';

export const comparisonPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:comparison',
  description: 'Shows what differs between runs.',
  autoStart: true,
  requires: [ISessions, IRenderMimeRegistry],
  optional: [ICommandPalette, ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    rendermime: IRenderMimeRegistry,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    const command = CommandIDs.compareRuns;
    const pages = new KeptPages<ComparisonPage>(app, {
      type: 'Comparison',
      namespace: 'kfnb-comparison',
      name: page => page.runs.join(),
      command,
      args: page => ({ runs: page.runs })
    });
    const openRun = (run: string) => void app.commands.execute(CommandIDs.openRun, { run });
    const open = (runs: string[]): ComparisonPage =>
      pages.open(runs.join(), () => {
        const page = new ComparisonPage(runs, sessions.client, rendermime, openRun, trans);
        page.replaced.connect((old, others) => {
          open(others);
          old.dispose();
        });
        return page;
      });
    app.commands.addCommand(command, {
      label: trans.__('Compare Runs…'),
      caption: trans.__('Show what differs between runs: parameters, metrics, durations, code, outputs, environments'),
      icon: pipelineIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            runs: {
              type: 'array',
              items: { type: 'string' },
              maxItems: MOST_RUNS,
              description: 'The ids of two to ten runs; by default the user chooses'
            }
          }
        }
      },
      execute: async args => {
        try {
          const runs = Array.isArray(args.runs) ? args.runs.map(String) : await chooseRuns(sessions, trans);
          return runs === null ? undefined : open(runs);
        } catch (error) {
          Notification.warning(errorText(error), { autoClose: 8000 });
          return undefined;
        }
      }
    });
    palette?.addItem({ command, category: trans.__('Pipeline') });
    pages.restore(restorer);
  }
};
