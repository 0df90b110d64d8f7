/** The plugin with the commands that run, stop and retry a pipeline, show logs, and load values into the kernel. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry, Notification } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { runIcon, stopIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ICells } from '../cells/cells-plugin';
import { CommandIDs } from '../common/command-ids';
import { pipelineIcon } from '../common/pipeline-icon';
import { loadCode, notifyLoaded } from './load-values';
import { NotificationActions, notifyRunEnds, notifyError, notifyWarnings } from './run-notifications';
import { addTarget } from '../dialogs/add-target-dialog';
import { Part, startRun } from '../dialogs/other-parameters-dialog';
import { runButton } from './run-button';
import { NotebookSession } from '../session/notebook-session';
import { ISessions } from '../session/sessions-plugin';
import { IPreferences } from '../preferences/preferences-plugin';
import { stepName } from '../marks/step-name';
import { confirmTrust } from '../dialogs/trust-dialog';
import { Failure } from '@kfnb/core/wire/api-types';

const ID = 'kfnb:commands';

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Runs notebooks as pipelines.',
  autoStart: true,
  requires: [INotebookTracker, ISessions],
  optional: [ICells, IPreferences, ICommandPalette, IToolbarWidgetRegistry, ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    sessions: ISessions,
    cells: ICells | null,
    preferences: IPreferences | null,
    palette: ICommandPalette | null,
    toolbars: IToolbarWidgetRegistry | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    const commands = new Commands(app, tracker, sessions, cells, preferences, trans);
    commands.register();
    const category = trans.__('Pipeline');
    const { run, stop, runStep, runFrom, retry, log, reveal, inputs, outputs, addTarget } = CommandIDs;
    for (const command of [run, stop, runStep, runFrom, retry, log, reveal, inputs, outputs, addTarget]) {
      palette?.addItem({ command, category });
    }
    toolbars?.addFactory('Notebook', 'kfnb-run', () => runButton(app.commands, CommandIDs.toggle));
    void registry?.load(ID);
  }
};

const STEP_ARGS = {
  args: {
    type: 'object' as const,
    properties: { step: { type: 'string' as const, description: 'The step; by default that of the active cell' } }
  }
};
const RUN_ARGS = {
  args: {
    type: 'object' as const,
    properties: {
      cache: {
        type: 'boolean' as const,
        description: 'Whether steps take earlier results of the same code and inputs'
      },
      experiment: { type: 'string' as const, description: 'The group that the run is put into' },
      name: { type: 'string' as const, description: 'What to call the run' },
      priority: {
        type: 'integer' as const,
        description: 'Argo only: of the runs that wait, the highest number begins first'
      }
    }
  }
};
const NO_ARGS = { args: { type: 'object' as const, properties: {} } };

class Commands implements NotificationActions {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _tracker: INotebookTracker,
    private readonly _sessions: ISessions,
    private readonly _cells: ICells | null,
    _preferences: IPreferences | null,
    private readonly _trans: TranslationBundle
  ) {
    _tracker.widgetAdded.connect((_, panel) => {
      const session = _sessions.of(panel);
      notifyRunEnds(session, _preferences, this, _trans);
      let shownState = '';
      session.changed.connect((_, change) => {
        // this makes every button of the page update, which the many changes of a running pipeline must not do
        const state = `${session.active} ${session.run?.run.run}`;
        if (change === 'pipeline' || state !== shownState) {
          shownState = state;
          _app.commands.notifyCommandChanged();
        }
      });
    });
    _tracker.activeCellChanged.connect(() => _app.commands.notifyCommandChanged());
  }

  register(): void {
    this._registerTargets();
    this._registerRuns();
    this._registerSteps();
  }

  // ------------------------------------------------------------------ actions of notifications
  showFailure(session: NotebookSession, failure: Failure): void {
    this._app.shell.activateById(session.panel.id);
    const views = this._cells?.of(session.panel);
    const step = failure.step?.split('[')[0] ?? '';
    views?.showLog(step);
    const first = failure.cell ? session.run?.cell_lines?.[failure.cell] : undefined;
    void views?.revealLine({ number: failure.cell }, failure.line ?? null, first ?? 1);
  }

  showNotebook(session: NotebookSession): void {
    this._app.shell.activateById(session.panel.id);
  }

  retry(session: NotebookSession, step: string): void {
    void this._notifyErrors(() => session.retry(step));
  }

  openPanel(): void {
    if (this._app.commands.hasCommand(CommandIDs.panel)) {
      void this._app.commands.execute(CommandIDs.panel);
    }
  }

  // ------------------------------------------------------------------ targets
  private _registerTargets(): void {
    const trans = this._trans;
    this._add(CommandIDs.addTarget, {
      label: trans.__('Add a Target…'),
      caption: trans.__('Look at a cluster, and make it a target on which pipelines can run'),
      execute: async () => {
        const session = this._sessions.current;
        const added = await addTarget(this._sessions.client, trans);
        if (added) {
          Notification.success(trans.__('The target %1 is in %2', added.name, added.file), { autoClose: 5000 });
          await session?.targets.read();
          session?.targets.select(added.name);
        }
      }
    });
  }

  // ------------------------------------------------------------------ runs
  private _registerRuns(): void {
    const trans = this._trans;
    const session = () => this._sessions.current;
    this._add(CommandIDs.run, {
      label: trans.__('Run Pipeline'),
      caption: trans.__('Run the steps of this notebook as a pipeline'),
      icon: runIcon,
      isEnabled: () => session() !== null && !session()?.active,
      describedBy: RUN_ARGS,
      execute: args =>
        this._start({
          ...(args.cache === true ? { cache: true } : {}),
          ...(typeof args.experiment === 'string' && args.experiment ? { experiment: args.experiment } : {}),
          ...(typeof args.name === 'string' && args.name ? { name: args.name } : {}),
          ...(typeof args.priority === 'number' ? { priority: args.priority } : {})
        })
    });
    this._add(CommandIDs.stop, {
      label: trans.__('Stop Pipeline'),
      caption: trans.__('Cancel the run; exit handlers still run. A second time: at once'),
      icon: stopIcon,
      isEnabled: () => session()?.active === true,
      execute: () => this._withSession(session => session.cancel())
    });
    this._add(CommandIDs.toggle, {
      label: () => (session()?.active ? trans.__('Stop pipeline') : trans.__('Run pipeline')),
      caption: () =>
        session()?.active
          ? trans.__('Stop the pipeline of this notebook')
          : trans.__('Run the steps of this notebook as a pipeline'),
      icon: () => (session()?.active ? stopIcon : pipelineIcon),
      isEnabled: () => session() !== null,
      execute: () => this._app.commands.execute(session()?.active ? CommandIDs.stop : CommandIDs.run)
    });
  }

  private async _start(options: Part): Promise<void> {
    await this._withSession(async session => {
      await session.compiled.compile();
      if (await this._isTrusted(session)) {
        notifyWarnings(await startRun(session, options, this._trans), this._trans);
      }
    });
  }

  /** Whether the user trusts the hosts that a run would contact. Asks the user if that is not settled yet. */
  private async _isTrusted(session: NotebookSession): Promise<boolean> {
    if (session.targets.current === 'local' && session.compiled.explanation?.target === null) {
      return true;
    }
    await session.targets.read();
    const target = session.targets.all.find(target => target.name === session.targets.current);
    return target?.trusted !== false || (await confirmTrust(session.client, session.path, this._trans));
  }

  // ------------------------------------------------------------------ steps
  private _registerSteps(): void {
    const trans = this._trans;
    const hasStep = (args: ReadonlyPartialJSONObject) => this._stepOf(args) !== null;
    const canStart = (args: ReadonlyPartialJSONObject) => hasStep(args) && !this._sessions.current?.active;
    const hasRun = (args: ReadonlyPartialJSONObject) =>
      hasStep(args) && this._sessions.current?.progress(this._stepOf(args) ?? '') !== null;
    this._add(CommandIDs.log, {
      label: trans.__('Show Log'),
      isEnabled: hasRun,
      describedBy: STEP_ARGS,
      execute: args => this._withStep(args, (session, step) => this._cells?.of(session.panel).showLog(step))
    });
    this._add(CommandIDs.reveal, {
      label: trans.__('Go to Step'),
      isEnabled: hasStep,
      describedBy: STEP_ARGS,
      execute: args => this._withStep(args, (session, step) => void this._cells?.of(session.panel).reveal(step))
    });
    this._add(CommandIDs.runStep, {
      label: trans.__('Run This Step Only'),
      caption: trans.__('Run the step with the values of the newest run'),
      icon: runIcon,
      isEnabled: canStart,
      describedBy: STEP_ARGS,
      execute: args => this._start({ only: this._stepOf(args) ?? '' })
    });
    this._add(CommandIDs.runFrom, {
      label: trans.__('Run From This Step On'),
      caption: trans.__('Start a new run that reuses the values of the newest run for the earlier steps'),
      isEnabled: canStart,
      describedBy: STEP_ARGS,
      execute: args => this._start({ start: this._stepOf(args) ?? '' })
    });
    this._add(CommandIDs.retry, {
      label: trans.__('Retry From Here'),
      caption: trans.__('Resume the run at this step, with the notebook as it is now'),
      isEnabled: args => canStart(args) && this._sessions.current?.run !== null,
      describedBy: STEP_ARGS,
      execute: args => this._withStep(args, (session, step) => session.retry(step))
    });
    this._registerLoading(hasRun);
  }

  private _registerLoading(hasRun: (args: ReadonlyPartialJSONObject) => boolean): void {
    const trans = this._trans;
    const load = (args: ReadonlyPartialJSONObject, direction: 'inputs' | 'outputs') =>
      this._withStep(args, async (session, step) => {
        const progress = session.progress(step);
        const kernel = session.panel.sessionContext.session?.kernel;
        if (!kernel) {
          Notification.warning(trans.__('This notebook has no kernel: start one first'), { autoClose: 5000 });
        } else if (session.run && progress) {
          const { folder } = await session.client.status();
          const code = loadCode(session.run.run.run, progress.path, direction, folder);
          await notifyLoaded(kernel.requestExecute({ code, store_history: false, stop_on_error: false }), trans);
        }
      });
    this._add(CommandIDs.inputs, {
      label: trans.__('Load Inputs Here'),
      caption: trans.__('Load the values that this step received into the kernel'),
      isEnabled: hasRun,
      describedBy: STEP_ARGS,
      execute: args => load(args, 'inputs')
    });
    this._add(CommandIDs.outputs, {
      label: trans.__('Load Outputs Here'),
      caption: trans.__('Load the values that this step computed into the kernel'),
      isEnabled: hasRun,
      describedBy: STEP_ARGS,
      execute: args => load(args, 'outputs')
    });
  }

  // ------------------------------------------------------------------ helpers
  private _add(id: string, options: CommandRegistry.ICommandOptions): void {
    this._app.commands.addCommand(id, { describedBy: NO_ARGS, ...options });
  }

  /** The step that a command applies to: the one in its arguments, else that of the active cell. */
  private _stepOf(args: ReadonlyPartialJSONObject): string | null {
    if (typeof args.step === 'string' && args.step) {
      return args.step;
    }
    const model = this._tracker.activeCell?.model;
    if (!model || model.type !== 'code') {
      return null;
    }
    const steps = this._sessions.current?.stepsOf(model.id) ?? [];
    return stepName(model.sharedModel.getSource(), model.metadata) ?? (steps.length === 1 ? steps[0] : null);
  }

  private async _withSession(act: (session: NotebookSession) => Promise<unknown>): Promise<void> {
    const session = this._sessions.current;
    if (session) {
      await this._notifyErrors(() => act(session));
    }
  }

  private async _withStep(
    args: ReadonlyPartialJSONObject,
    act: (session: NotebookSession, step: string) => unknown
  ): Promise<void> {
    const step = this._stepOf(args);
    if (step !== null) {
      await this._withSession(session => Promise.resolve(act(session, step)));
    }
  }

  private async _notifyErrors(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      notifyError(error, this, this._trans);
    }
  }
}
