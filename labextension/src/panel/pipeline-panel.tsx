/** The side bar: run and stop, parameters, the graph, problems, the runs of the notebook. */

import { Dialog, Notification, ReactWidget, UseSignal, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { CommandIDs } from '../common/command-ids';
import { PipelineGraph } from './pipeline-graph';
import { ParameterForm } from './parameter-form';
import { pipelineIcon } from '../common/pipeline-icon';
import { ClusterManifest } from './cluster-manifest';
import { RunList, formatStart } from './run-list';
import { NotebookSession } from '../session/notebook-session';
import { ISessions } from '../session/sessions-plugin';
import { SHAPES, words } from '../common/states';
import { confirmTrust } from '../dialogs/trust-dialog';
import { ListedRun, Problem } from '../server/api-types';

const MAX_RUNS = 30;
const MAX_FAILED_STEPS = 10; // steps in the line that says how a run went

/** What the panel asks for of the notebook's cells. */
export interface PanelActions {
  reveal(session: NotebookSession, step: string): void;
  revealProblem(session: NotebookSession, problem: Problem): void;
  addMark(session: NotebookSession, problem: Problem, mark: string): void;
}

export class PipelinePanel extends ReactWidget {
  constructor(
    private readonly _sessions: ISessions,
    private readonly _commands: CommandRegistry,
    private readonly _actions: PanelActions,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.id = 'kfnb-panel';
    this.addClass('kfnb-Panel');
    this.title.icon = pipelineIcon;
    this.title.caption = _trans.__('Pipeline');
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.update();
  }

  protected render(): React.JSX.Element | null {
    // what nobody sees costs nothing
    return this.isVisible ? this._renderShown() : null;
  }

  private _renderShown(): React.JSX.Element {
    return (
      <UseSignal signal={this._sessions.currentChanged}>
        {() => {
          const session = this._sessions.current;
          return session ? (
            <SessionView
              key={session.panel.id}
              session={session}
              commands={this._commands}
              actions={this._actions}
              trans={this._trans}
            />
          ) : (
            <p className="kfnb-Panel-hint">{this._trans.__('Open a notebook to see its pipeline.')}</p>
          );
        }}
      </UseSignal>
    );
  }
}

interface ViewProps {
  session: NotebookSession;
  commands: CommandRegistry;
  actions: PanelActions;
  trans: TranslationBundle;
}

function SessionView(props: ViewProps): React.JSX.Element {
  const { session, actions, trans } = props;
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    session.changed.connect(redraw);
    return () => void session.changed.disconnect(redraw);
  }, [session]);
  const onStep = React.useCallback((step: string) => actions.reveal(session, step), [actions, session]);
  const shown = session.lastValid;
  const problems = (session.explanation?.problems ?? []).filter(problem => problem.severity !== 'info');
  return (
    <div className="kfnb-Panel-body">
      <Head {...props} />
      {session.serverError && (
        <p className="kfnb-Panel-trouble" role="alert">
          {trans.__('The server does not answer: %1', session.serverError)}
        </p>
      )}
      <Announcement session={session} trans={trans} />
      {shown && shown.steps.length > 0 && (
        <ParameterForm
          parameters={shown.parameters}
          values={session.parameters}
          errors={session.parameterErrors}
          trans={trans}
          onChange={(name, text, unreadable) => {
            session.setParameter(name, text, unreadable);
            redraw();
          }}
        />
      )}
      <Problems
        problems={problems}
        onProblem={problem => actions.revealProblem(session, problem)}
        onMark={(problem, mark) => actions.addMark(session, problem, mark)}
        trans={trans}
      />
      {shown?.graph && shown.steps.length > 0 ? (
        <div className={`kfnb-Panel-graph ${session.explanation?.pipeline === null ? 'kfnb-mod-stale' : ''}`}>
          <PipelineGraph graph={shown.graph} progress={step => session.progress(step)} onStep={onStep} trans={trans} />
        </div>
      ) : (
        session.explanation && !problems.some(problem => problem.severity === 'error') && <Invitation {...props} />
      )}
      <Runs session={session} trans={trans} />
      {shown && shown.steps.length > 0 && (
        <Section title={trans.__('On a cluster')} open={false}>
          <ClusterManifest session={session} trans={trans} />
        </Section>
      )}
    </div>
  );
}

function Head({ session, commands, trans }: ViewProps): React.JSX.Element {
  const shown = session.explanation;
  const active = session.active;
  const command = active ? CommandIDs.stop : CommandIDs.run;
  const names = shown?.pipelines ?? [];
  return (
    <div className="kfnb-Panel-head">
      {names.length > 1 ? (
        <select
          aria-label={trans.__('Pipeline')}
          value={session.selectedPipeline ?? shown?.pipeline ?? names[0]}
          onChange={event => {
            session.selectedPipeline = event.target.value;
            void session.read();
          }}
        >
          {names.map(name => (
            <option key={name}>{name}</option>
          ))}
        </select>
      ) : (
        <h2 title={shown?.description}>{shown?.pipeline ?? session.lastValid?.pipeline ?? ''}</h2>
      )}
      <Targets session={session} trans={trans} />
      <button
        type="button"
        className={`jp-mod-styled ${active ? 'jp-mod-warn' : 'jp-mod-accept'}`}
        disabled={!commands.isEnabled(command)}
        onClick={() => void commands.execute(command)}
      >
        {active ? trans.__('Stop') : trans.__('Run')}
      </button>
    </div>
  );
}

function Targets({ session, trans }: { session: NotebookSession; trans: TranslationBundle }): React.JSX.Element | null {
  React.useEffect(() => void session.readTargets(), [session]);
  const targets = session.targets;
  if (targets.length < 2) {
    return null;
  }
  const choose = async (name: string) => {
    if (targets.find(target => target.name === name)?.trusted === false) {
      try {
        if (!(await confirmTrust(session.client, session.path, trans))) {
          return;
        }
      } catch (error) {
        void showErrorMessage(trans.__('The file cannot be trusted'), error instanceof Error ? error : String(error));
        return;
      }
      await session.readTargets();
    }
    session.setTarget(name);
  };
  return (
    <select
      aria-label={trans.__('Where to run')}
      value={session.target}
      onChange={event => void choose(event.target.value)}
    >
      {targets.map(target => (
        <option key={target.name} value={target.name}>
          {target.name === target.engine ? target.name : `${target.name} (${target.engine})`}
          {target.trusted ? '' : trans.__(' – not trusted')}
        </option>
      ))}
    </select>
  );
}

/** One place that tells screen readers how the run goes; the badges themselves are silent. */
function Announcement({ session, trans }: { session: NotebookSession; trans: TranslationBundle }): React.JSX.Element {
  const run = session.run;
  if (!run) {
    return <p className="kfnb-Panel-state" role="status" />;
  }
  const state = run.run.state;
  const error = run.run.error;
  const place = error?.step ? trans.__(' in step %1', error.step) : '';
  const failed = state === 'succeeded' ? run.steps.filter(step => step.state === 'failed').map(step => step.path) : [];
  const although = failed.length
    ? trans.__(', although these failed: %1', failed.slice(0, MAX_FAILED_STEPS).join(', '))
    : '';
  const text = `${SHAPES[state]} ${trans.__('Run %1', words(trans)[state])}${although}`;
  return (
    <p className="kfnb-Panel-state" role="status" data-state={state}>
      {text}
      {error && state === 'failed' ? `${place}: ${error.type}: ${error.message}` : ''}
    </p>
  );
}

interface ProblemsProps {
  problems: Problem[];
  onProblem: (problem: Problem) => void;
  onMark: (problem: Problem, mark: string) => void;
  trans: TranslationBundle;
}

function Problems({ problems, onProblem, onMark, trans }: ProblemsProps): React.JSX.Element | null {
  if (problems.length === 0) {
    return null;
  }
  return (
    <Section title={trans._n('%1 problem', '%1 problems', problems.length)} open>
      <ul className="kfnb-Problems">
        {problems.map((problem, at) => (
          <li key={at} data-severity={problem.severity}>
            <button type="button" onClick={() => onProblem(problem)}>
              {place(problem, trans)}
              {problem.message}
              {problem.hint && <span className="kfnb-Problems-hint"> {problem.hint}</span>}
            </button>
            {problem.marks.map(mark => (
              <button type="button" className="kfnb-Problems-mark" key={mark} onClick={() => onMark(problem, mark)}>
                {trans.__('Mark the cell %1', mark)}
              </button>
            ))}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function place(problem: Problem, trans: TranslationBundle): string {
  if (problem.cell === null) {
    return '';
  }
  return problem.line === null
    ? trans.__('Cell %1: ', problem.cell)
    : trans.__('Cell %1, line %2: ', problem.cell, problem.line);
}

/** What to do with a notebook that has no steps yet. */
function Invitation({ commands, trans }: ViewProps): React.JSX.Element {
  return (
    <div className="kfnb-Panel-hint">
      <p>{trans.__('No steps yet. Make a cell a step, and the graph grows here.')}</p>
      <button
        type="button"
        className="jp-mod-styled"
        disabled={!commands.isEnabled(CommandIDs.mark)}
        onClick={() => void commands.execute(CommandIDs.mark)}
      >
        {trans.__('Make this cell a step')}
      </button>
    </div>
  );
}

function Runs({ session, trans }: { session: NotebookSession; trans: TranslationBundle }): React.JSX.Element {
  const [runs, setRuns] = React.useState<ListedRun[]>([]);
  const [looks, lookAgain] = React.useReducer((count: number) => count + 1, 0);
  const state = `${session.run?.run.run ?? ''} ${session.run?.run.state ?? ''} ${looks}`;
  React.useEffect(() => {
    session.client.runs(session.path, MAX_RUNS).then(
      found => setRuns(found.runs),
      () => setRuns([])
    );
  }, [session, state]);
  return (
    <Section title={trans.__('Runs')} open>
      <RunList
        runs={runs}
        shown={session.run?.run.run ?? null}
        onShow={run => void showRun(session, run).then(shown => shown || lookAgain())}
        onDelete={run => void deleteRun(session, run, trans).then(lookAgain)}
        trans={trans}
      />
    </Section>
  );
}

/** Show a run on the cells; whether it could be: it may have been deleted elsewhere. */
async function showRun(session: NotebookSession, run: string): Promise<boolean> {
  try {
    session.show(await session.client.run(run));
    return true;
  } catch (error) {
    Notification.warning(error instanceof Error ? error.message : String(error), { autoClose: 8000 });
    return false;
  }
}

/** Delete a run when the user says so once more. */
async function deleteRun(session: NotebookSession, run: ListedRun, trans: TranslationBundle): Promise<void> {
  const answer = await showDialog({
    title: trans.__('Delete this run?'),
    body: trans.__(
      'The run of %1, its logs and the values that no other run has are deleted. This cannot be undone.',
      formatStart(run.created)
    ),
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: trans.__('Delete') })],
    defaultButton: 0
  });
  if (!answer.button.accept) {
    return;
  }
  try {
    await session.delete(run.run);
  } catch (error) {
    await showErrorMessage(trans.__('The run was not deleted'), error instanceof Error ? error.message : String(error));
  }
}

interface SectionProps {
  title: string;
  open: boolean;
  children: React.ReactNode;
}

function Section({ title, open, children }: SectionProps): React.JSX.Element {
  return (
    <details className="kfnb-Section" open={open}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}
