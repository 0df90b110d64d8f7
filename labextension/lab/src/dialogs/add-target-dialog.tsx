/** The dialog in which the user makes a target of a cluster. */

import { Clipboard, Dialog, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { DownloadLink } from '../common/download-link';
import { ENGINE_NAMES } from '../common/engine-names';
import { KeepFocus } from '../common/keep-focus';
import { formatDuration } from '@kfnb/core/format-duration';
import { AddedTarget, ProbeLine, TargetProposal } from '@kfnb/core/wire/api-types';
import { RestClient } from '../server/rest-client';
import { FormDialog } from './form-dialog';
import { TargetForm } from './target-form';

/** Shows the form. Resolves to the target that the user added, or to null. */
export async function addTarget(api: RestClient, trans: TranslationBundle): Promise<AddedTarget | null> {
  let added: AddedTarget | null = null;
  const body = new TargetFormWidget(api, trans, target => {
    added = target;
    dialog.resolve(0);
  });
  const title = trans.__('Add a target');
  const dialog = new FormDialog({
    title,
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Close') })],
    hasClose: true,
    focusNodeSelector: 'select, input'
  });
  dialog.addClass('kfnb-TargetDialog');
  dialog.node.setAttribute('aria-label', title);
  await dialog.launch();
  return added;
}

class TargetFormWidget extends ReactWidget {
  constructor(
    api: RestClient,
    private readonly _trans: TranslationBundle,
    private readonly _onAdded: (added: AddedTarget) => void
  ) {
    super();
    this.addClass('kfnb-Target');
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
    this._form = new TargetForm(api, () => this.update());
    void this._form.load();
  }

  dispose(): void {
    this._form.stopProbe();
    super.dispose();
  }

  protected render(): React.JSX.Element {
    const form = this._form;
    return (
      <KeepFocus className="kfnb-Target-body">
        <ClusterFields form={form} trans={this._trans} />
        <Outcome form={form} trans={this._trans} />
        {form.proposal && <Found proposal={form.proposal} trans={this._trans} />}
        {form.proposal?.text && <NewTarget form={form} trans={this._trans} onAdded={this._onAdded} />}
      </KeepFocus>
    );
  }

  private readonly _form: TargetForm;
}

interface FormProps {
  form: TargetForm;
  trans: TranslationBundle;
}

/** The fields that name the cluster. */
function ClusterFields({ form, trans }: FormProps): React.JSX.Element {
  const engines = form.proposal?.engines ?? [];
  return (
    <form
      className="kfnb-Target-fields"
      onSubmit={event => {
        event.preventDefault();
        void form.look();
      }}
    >
      {form.isInPod ? (
        <p>{trans.__('The cluster is the one in which this server runs.')}</p>
      ) : (
        <label>
          <span>{trans.__('Context')}</span>
          <select value={form.context} onChange={event => form.setContext(event.target.value)}>
            {form.contexts.map(name => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        <span>{trans.__('Namespace')}</span>
        <input
          className="jp-mod-styled"
          value={form.namespace}
          required
          spellCheck={false}
          onChange={event => form.setNamespace(event.target.value)}
        />
      </label>
      {engines.length > 1 && (
        <label>
          <span>{trans.__('Engine')}</span>
          <select value={form.proposal?.settings.engine} onChange={event => void form.look(event.target.value)}>
            {engines.map(engine => (
              <option key={engine} value={engine}>
                {ENGINE_NAMES[engine] ?? engine}
              </option>
            ))}
          </select>
        </label>
      )}
      <StoreField
        label={trans.__('Image repository')}
        help={trans.__(
          'Optional. Images of the steps are built into it before a run. Without it, steps install their packages whenever they start.'
        )}
        placeholder="registry.example.org/team/app"
        value={form.repository}
        onChange={text => form.setRepository(text)}
      />
      <StoreField
        label={trans.__('Values')}
        help={trans.__(
          'Optional. What values pass through from step to step: a URL such as s3://bucket/prefix, volume:CLAIM, or parameters. By default what the cluster has.'
        )}
        placeholder="s3://bucket/prefix"
        value={form.values}
        onChange={text => form.setValues(text)}
      />
      <button type="submit" className="jp-mod-styled" aria-disabled={form.task !== null}>
        {trans.__('Look at the Cluster')}
      </button>
    </form>
  );
}

interface StoreFieldProps {
  label: string;
  help: string;
  placeholder: string;
  value: string;
  onChange: (text: string) => void;
}

/** An optional field, with what it is for below it. */
function StoreField({ label, help, placeholder, value, onChange }: StoreFieldProps): React.JSX.Element {
  const id = React.useId();
  return (
    <div>
      <label>
        <span>{label}</span>
        <input
          className="jp-mod-styled"
          value={value}
          placeholder={placeholder}
          spellCheck={false}
          aria-describedby={id}
          onChange={event => onChange(event.target.value)}
        />
      </label>
      <div id={id} className="kfnb-Target-help">
        {help}
      </div>
    </div>
  );
}

/** What the form waits for or what went wrong, and whether the cluster is ready. Screen readers announce it. */
function Outcome({ form, trans }: FormProps): React.JSX.Element {
  const tasks = {
    load: trans.__('Your kubeconfig is read…'),
    look: trans.__('The cluster is asked…'),
    probe: trans.__('The trial run goes on…'),
    add: trans.__('The target is written…')
  };
  const state = form.proposal?.state ?? '';
  const readiness =
    state === 'ready' ? trans.__('✓ Pipelines can run there') : state && trans.__('✗ Pipelines cannot run there yet');
  return (
    <>
      <p className="kfnb-Target-state" role="status">
        {form.task ? tasks[form.task] : form.error ? '' : readiness}
      </p>
      <p className="kfnb-Target-error" role="alert">
        {form.error}
      </p>
    </>
  );
}

/** What the cluster has, and what is missing. */
function Found({ proposal, trans }: { proposal: TargetProposal; trans: TranslationBundle }): React.JSX.Element {
  return (
    <>
      {proposal.told.length > 0 && (
        <ul className="kfnb-Target-told">
          {proposal.told.map(line => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      )}
      {proposal.rbac && (
        <details open>
          <summary>{trans.__('What an administrator can apply')}</summary>
          <Document text={proposal.rbac} file="kfnb-roles.yaml" trans={trans} />
        </details>
      )}
      <details open={!proposal.rbac}>
        <summary>{trans.__('What is there')}</summary>
        <ul>
          {proposal.found.map(line => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </details>
    </>
  );
}

/** A text with buttons that copy and download it. */
function Document({ text, file, trans }: { text: string; file: string; trans: TranslationBundle }): React.JSX.Element {
  return (
    <div className="kfnb-Target-document">
      <button type="button" className="jp-mod-styled" onClick={() => Clipboard.copyToSystem(text)}>
        {trans.__('Copy')}
      </button>
      <DownloadLink text={text} file={file} trans={trans} />
      <pre tabIndex={0} role="region" aria-label={file}>
        {text}
      </pre>
    </div>
  );
}

/** The target that would be written, and the buttons that try and add it. */
function NewTarget({ form, trans, onAdded }: FormProps & { onAdded: (added: AddedTarget) => void }): React.JSX.Element {
  const add = async (replace: boolean) => {
    const added = await form.add(replace);
    if (added) {
      onAdded(added);
    }
  };
  const isBusy = form.task !== null;
  return (
    <div className="kfnb-Target-new">
      <label>
        <span>{trans.__('Name of the target')}</span>
        <input
          className="jp-mod-styled"
          value={form.name}
          spellCheck={false}
          onChange={event => form.setName(event.target.value)}
        />
      </label>
      <pre tabIndex={0} role="region" aria-label={trans.__('The target')}>
        {form.text}
      </pre>
      <p>{trans.__('It is written into %1.', form.proposal?.file ?? '')}</p>
      <div className="kfnb-Target-buttons">
        {form.task === 'probe' ? (
          <button type="button" className="jp-mod-styled jp-mod-warn" onClick={() => form.stopProbe()}>
            {trans.__('Stop the Trial Run')}
          </button>
        ) : (
          <button
            type="button"
            className="jp-mod-styled"
            aria-disabled={isBusy}
            title={trans.__('Run a few small steps on the cluster, and remove them again')}
            onClick={() => void form.probe()}
          >
            {trans.__('Try It With a Few Steps')}
          </button>
        )}
        {form.isTaken ? (
          <button
            type="button"
            className="jp-mod-styled jp-mod-warn"
            aria-disabled={isBusy}
            onClick={() => void add(true)}
          >
            {trans.__('Replace %1', form.name)}
          </button>
        ) : (
          <button
            type="button"
            className="jp-mod-styled jp-mod-accept"
            aria-disabled={isBusy}
            onClick={() => void add(false)}
          >
            {trans.__('Add the Target')}
          </button>
        )}
      </div>
      <ProbeLines lines={form.lines} trans={trans} />
    </div>
  );
}

const SIGNS = { done: '✓', waiting: '…', failed: '✗' };

/** What each part of the way of the trial run did, as it becomes known; the newest line is in sight. */
function ProbeLines({ lines, trans }: { lines: readonly ProbeLine[]; trans: TranslationBundle }): React.JSX.Element {
  const end = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    end.current?.lastElementChild?.scrollIntoView({ block: 'nearest' });
  }, [lines.length]);
  return (
    <div role="log" aria-label={trans.__('Trial run')} ref={end}>
      {lines.map((line, number) => (
        <div key={number} className="kfnb-Target-line" data-state={line.state}>
          {SIGNS[line.state]} {line.text}
          {line.seconds !== null && ` (${formatDuration(line.seconds)})`}
        </div>
      ))}
    </div>
  );
}
