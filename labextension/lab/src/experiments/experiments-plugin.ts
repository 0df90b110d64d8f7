/** The plugin that opens experiments and sweeps: by command, from the list of all runs, and again after a reload. */

import { ILayoutRestorer, JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { CommandIDs } from '../common/command-ids';
import { pipelineIcon } from '../common/pipeline-icon';
import { KeptPages } from '../common/kept-pages';
import { ISessions } from '../session/sessions-plugin';
import { ExperimentPage } from './experiment-page';

export const experimentsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:experiments',
  description: 'Shows the runs of an experiment or a sweep as a table and as plots.',
  autoStart: true,
  requires: [ISessions],
  optional: [ICommandPalette, ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    sessions: ISessions,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    const command = CommandIDs.openExperiment;
    const pages = new KeptPages<ExperimentPage>(app, {
      type: 'Experiment',
      namespace: 'kfnb-experiments',
      name: page => page.experiment,
      command,
      args: page => ({ experiment: page.experiment })
    });
    const actions = {
      openRun: (run: string) => void app.commands.execute(CommandIDs.openRun, { run }),
      compare: (runs: string[]) => void app.commands.execute(CommandIDs.compareRuns, { runs })
    };
    const open = (experiment: string) =>
      pages.open(experiment, () => new ExperimentPage(experiment, sessions.client, actions, trans));
    app.commands.addCommand(command, {
      label: args => (typeof args.experiment === 'string' ? args.experiment : trans.__('Experiments and Sweeps')),
      caption: trans.__('Show the runs of an experiment or a sweep as a table and as plots'),
      icon: pipelineIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            experiment: { type: 'string', description: 'Its name; by default the list of all experiments opens' }
          }
        }
      },
      execute: args =>
        typeof args.experiment === 'string'
          ? open(args.experiment)
          : app.commands.execute(CommandIDs.allRuns, { grouped: true })
    });
    palette?.addItem({ command, category: trans.__('Pipeline') });
    pages.restore(restorer);
  }
};
