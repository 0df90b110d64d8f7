/** The dialog in which the user fills the form that starts a run. */

import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { Problem } from '@kfnb/core/wire/api-types';
import { FormDialog } from '../dialogs/form-dialog';
import { ParameterForm } from '../panel/parameter-form';
import { TargetChoice } from '../panel/target-select';
import { ProblemText } from '../problems/problem-text';
import { NotebookSession } from '../session/notebook-session';
import { StartOptions } from '../server/rest-client';
import { SubmitChoice, SubmitForm } from './submit-form';
import { PlannedSteps, SentFiles } from './submission-details';

/** What the user has chosen: what is remembered for the notebook, and the options of this run. */
interface Chosen {
  choice: SubmitChoice;
  options: StartOptions;
}

/** Shows the form. Resolves to what the user has chosen, or to null if the run is not to be started. */
export async function askForRun(
  session: NotebookSession,
  remembered: Partial<SubmitChoice>,
  commands: CommandRegistry,
  trans: TranslationBundle
): Promise<Chosen | null> {
  const body = new SubmitWidget(session, remembered, commands, trans);
  const title = trans.__('Run the pipeline with…');
  const dialog = new FormDialog<Chosen>({
    title,
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: trans.__('Run') })],
    hasClose: true
  });
  dialog.addClass('kfnb-SubmitDialog');
  dialog.node.setAttribute('aria-label', title);
  const { button, value } = await dialog.launch();
  return button.accept ? value : null;
}

class SubmitWidget extends ReactWidget implements Dialog.IBodyWidget<Chosen> {
  constructor(
    session: NotebookSession,
    remembered: Partial<SubmitChoice>,
    private readonly _commands: CommandRegistry,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-Submit');
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
    this._form = new SubmitForm(session, remembered, () => this.update());
  }

  getValue(): Chosen {
    return { choice: this._form.choice, options: this._form.options };
  }

  dispose(): void {
    this._form.dispose();
    super.dispose();
  }

  protected render(): React.JSX.Element {
    return <FormView form={this._form} commands={this._commands} trans={this._trans} />;
  }

  private readonly _form: SubmitForm;
}

interface ViewProps {
  form: SubmitForm;
  trans: TranslationBundle;
}

function FormView({ form, commands, trans }: ViewProps & { commands: CommandRegistry }): React.JSX.Element {
  const { session, plan, error } = form;
  const shown = session.compiled.lastValid;
  const parameters = shown?.parameters ?? [];
  return (
    <>
      <section>
        <h3>{trans.__('Target')}</h3>
        <div className="kfnb-Submit-row">
          <TargetChoice session={session} commands={commands} trans={trans} />
        </div>
        <Health form={form} trans={trans} />
      </section>
      {parameters.length > 0 && (
        <section>
          <h3>{trans.__('Parameters')}</h3>
          <ParameterForm
            parameters={parameters}
            values={session.parameters.values}
            errors={session.parameters.errors}
            trans={trans}
            onChange={(name, text, fieldError) => form.setParameter(name, text, fieldError)}
          />
          <button type="button" className="jp-mod-styled" onClick={() => form.resetParameters()}>
            {trans.__('Reset to the notebook’s values')}
          </button>
        </section>
      )}
      <section>
        <h3>{trans.__('Run')}</h3>
        <TextRow label={trans.__('Name')} text={form.name} onChange={text => form.setName(text)} trans={trans} />
        <TextRow
          label={trans.__('Experiment')}
          text={form.experiment}
          onChange={text => form.setExperiment(text)}
          trans={trans}
        />
        <Priority form={form} trans={trans} />
        <label className="kfnb-Submit-row">
          <input type="checkbox" checked={form.cache} onChange={event => form.setCache(event.target.checked)} />
          {trans.__('Take earlier results of steps with the same code and inputs')}
        </label>
      </section>
      {plan && !error && <Problems problems={plan.problems} trans={trans} />}
      {plan && shown && (
        <PlannedSteps
          plan={plan}
          steps={shown.steps}
          notebook={session.panel.content}
          onChange={() => form.checkSoon()}
          trans={trans}
        />
      )}
      {plan && !error && <SentFiles plan={plan} name={shown?.pipeline ?? 'pipeline'} trans={trans} />}
    </>
  );
}

interface TextRowProps {
  label: string;
  text: string;
  onChange: (text: string) => void;
  trans: TranslationBundle;
}

function TextRow({ label, text, onChange, trans }: TextRowProps): React.JSX.Element {
  return (
    <label className="kfnb-Submit-row">
      <span>{label}</span>
      <input
        type="text"
        className="jp-mod-styled"
        value={text}
        placeholder={trans.__('none')}
        onChange={event => onChange(event.target.value)}
      />
    </label>
  );
}

/** The priority of the run, or why there is none. On this machine no run waits for another, and nothing is said. */
function Priority({ form, trans }: ViewProps): React.JSX.Element | null {
  if (form.hasPriority === null) {
    return null;
  }
  return form.hasPriority ? (
    <label className="kfnb-Submit-row">
      <span>{trans.__('Priority')}</span>
      <input
        type="number"
        className="jp-mod-styled"
        step={1}
        value={form.priority}
        placeholder={trans.__('as the target says')}
        onChange={event => form.setPriority(event.target.value)}
      />
      {trans.__('of the runs that wait, the highest begins first')}
    </label>
  ) : (
    <p>{trans.__('Kubeflow Pipelines gives runs no priority: each begins at once.')}</p>
  );
}

/** Whether the target can run the pipeline. */
function Health({ form, trans }: ViewProps): React.JSX.Element {
  const { plan, error, isChecking } = form;
  const isReady = plan?.state === 'ready' && !error;
  const [first, ...others] = plan?.told ?? [];
  const state = isChecking ? '' : isReady ? 'ready' : 'failed';
  return (
    <div className="kfnb-Submit-health" role="status" data-state={state}>
      {isChecking && <p>{trans.__('Checking…')}</p>}
      {!isChecking && error && <p>✗ {error}</p>}
      {!isChecking && !error && plan && (
        <p>
          {isReady ? '✓' : '✗'} {trans.__('%1: %2', isReady ? trans.__('ready') : plan.state, first ?? '')}
        </p>
      )}
      {!isChecking && !error && others.map(line => <p key={line}>{line}</p>)}
    </div>
  );
}

/** What the user should know before the run is started. */
function Problems({ problems, trans }: { problems: Problem[]; trans: TranslationBundle }): React.JSX.Element | null {
  if (problems.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{trans._n('%1 problem', '%1 problems', problems.length)}</h3>
      <ul className="kfnb-Submit-problems">
        {problems.map((problem, at) => (
          <li key={at} data-severity={problem.severity}>
            {problem.severity === 'error' ? '✗ ' : ''}
            <ProblemText problem={problem} trans={trans} />
          </li>
        ))}
      </ul>
    </section>
  );
}
