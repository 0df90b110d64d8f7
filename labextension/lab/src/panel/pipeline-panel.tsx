/** The side bar of a notebook: run button, target, parameters, problems, graph and runs. */

import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { CommandIDs } from '../common/command-ids';
import { FoldableGraph } from '../graph/foldable-graph';
import { DeliveryBar } from './delivery-bar';
import { ParameterForm } from './parameter-form';
import { focusSoon } from '../common/focus-soon';
import { KeepFocus } from '../common/keep-focus';
import { pipelineIcon } from '../common/pipeline-icon';
import { ClusterManifest } from './cluster-manifest';
import { ProblemList } from './problem-list';
import { RunSection } from './run-section';
import { ScheduleSection } from './schedule-section';
import { Section } from './section';
import { TargetChoice } from './target-select';
import { Troubles } from './troubles';
import { NotebookSession } from '../session/notebook-session';
import { blockedSteps, isActive } from '@kfnb/core/run/run-progress';
import { ISessions } from '../session/sessions-plugin';
import { SHAPES, words } from '@kfnb/core/states';
import { Problem } from '@kfnb/core/wire/api-types';

const MAX_FAILED_STEPS = 10; // failed steps that the line about the run names

/** What the panel does with the cells of the notebook. */
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
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
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

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    focusSoon(() => this.node.querySelector<HTMLElement>('.kfnb-Panel-body'));
  }

  protected render(): React.JSX.Element | null {
    // a hidden side bar is not rendered at all
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
  const fold = React.useCallback(
    async (folded: string[]) => (await session.client.compile(session.request(), folded)).graph ?? null,
    [session]
  );
  const shown = session.isPipeline ? session.compiled.lastValid : null;
  const problems = !session.isPipeline
    ? []
    : (session.compiled.explanation?.problems ?? []).filter(problem => problem.severity !== 'info');
  return (
    <KeepFocus className="kfnb-Panel-body">
      <Head {...props} />
      <Troubles session={session} commands={props.commands} trans={trans} />
      {session.delivery && <DeliveryBar delivery={session.delivery.at} trans={trans} />}
      <Announcement session={session} trans={trans} />
      {shown && shown.steps.length > 0 && (
        <ParameterForm
          parameters={shown.parameters}
          values={session.parameters.values}
          errors={session.parameters.errors}
          trans={trans}
          onChange={(name, text, fieldError) => {
            session.parameters.set(name, text, fieldError);
            redraw();
          }}
        />
      )}
      <ProblemList
        problems={problems}
        onProblem={problem => actions.revealProblem(session, problem)}
        onMark={(problem, mark) => actions.addMark(session, problem, mark)}
        trans={trans}
      />
      {shown?.graph && shown.steps.length > 0 ? (
        <div
          className={`kfnb-Panel-graph ${session.compiled.explanation?.pipeline === null || session.lostContact ? 'kfnb-mod-stale' : ''}`}
        >
          <FoldableGraph
            graph={shown.graph}
            fold={fold}
            progress={step => session.progress(step)}
            percent={step => session.lastLine(step)?.percent ?? null}
            onStep={onStep}
            trans={trans}
          />
        </div>
      ) : (
        session.compiled.explanation &&
        !problems.some(problem => problem.severity === 'error') && <EmptyHint {...props} />
      )}
      <RunSection session={session} commands={props.commands} trans={trans} />
      {shown && shown.steps.length > 0 && <ScheduleSection session={session} commands={props.commands} trans={trans} />}
      {shown && shown.steps.length > 0 && (
        <Section title={trans.__('On a cluster')} open={false}>
          <ClusterManifest session={session} trans={trans} />
        </Section>
      )}
    </KeepFocus>
  );
}

function Head({ session, commands, trans }: ViewProps): React.JSX.Element {
  const shown = session.compiled.explanation;
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
            void session.compiled.compile();
          }}
        >
          {names.map(name => (
            <option key={name}>{name}</option>
          ))}
        </select>
      ) : (
        <PipelineTitle
          name={shown?.pipeline ?? session.compiled.lastValid?.pipeline ?? ''}
          description={shown?.description}
        />
      )}
      <TargetChoice session={session} commands={commands} trans={trans} />
      <button
        type="button"
        className={`jp-mod-styled ${active ? 'jp-mod-warn' : 'jp-mod-accept'}`}
        disabled={!commands.isEnabled(command)}
        onClick={() => void commands.execute(command)}
      >
        {active ? trans.__('Stop') : trans.__('Run')}
      </button>
      {commands.hasCommand(CommandIDs.submitForm) && (
        <button
          type="button"
          className="jp-mod-styled"
          disabled={!commands.isEnabled(CommandIDs.submitForm)}
          onClick={() => void commands.execute(CommandIDs.submitForm)}
        >
          {trans.__('Run with…')}
        </button>
      )}
    </div>
  );
}

/** The name of the pipeline; without one there is no heading, only its place. */
function PipelineTitle({ name, description }: { name: string; description?: string }): React.JSX.Element {
  return name ? <h2 title={description}>{name}</h2> : <span className="kfnb-Badge-spring" />;
}

/** The state of the run. Screen readers announce this line only, not the badges on the cells. */
function Announcement({ session, trans }: { session: NotebookSession; trans: TranslationBundle }): React.JSX.Element {
  const run = session.run;
  if (!run) {
    return <p className="kfnb-Panel-state" role="status" />;
  }
  const state = run.run.state;
  const error = run.run.error;
  const place = error?.step ? trans.__(' in step %1', error.step) : '';
  const failedSteps =
    state === 'succeeded' ? run.steps.filter(step => step.state === 'failed').map(step => step.path) : [];
  const failures = failedSteps.length
    ? trans.__(', although these failed: %1', failedSteps.slice(0, MAX_FAILED_STEPS).join(', '))
    : '';
  // while images are made, the bar above says it
  const waiting = isActive(run) && !session.delivery ? blockedSteps(run).slice(0, MAX_FAILED_STEPS) : [];
  const text = `${SHAPES[state]} ${trans.__('Run %1', words(trans)[state])}${failures}`;
  return (
    <p className="kfnb-Panel-state" role="status" data-state={state}>
      {text}
      {error && state === 'failed' ? `${place}: ${error.type}: ${error.message}` : ''}
      {waiting.length ? `; ${waiting.join('; ')}` : ''}
    </p>
  );
}

/** The hint in a notebook that has no steps yet. */
function EmptyHint({ commands, trans }: ViewProps): React.JSX.Element {
  return (
    <div className="kfnb-Panel-hint">
      <p>{trans.__('No steps yet. Make a cell a step, and the graph grows here.')}</p>
      {commands.hasCommand(CommandIDs.makePipeline) && (
        <button
          type="button"
          className="jp-mod-styled"
          disabled={!commands.isEnabled(CommandIDs.makePipeline)}
          onClick={() => void commands.execute(CommandIDs.makePipeline)}
        >
          {trans.__('Make this a pipeline…')}
        </button>
      )}
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
