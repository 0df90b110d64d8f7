/** The form that makes a schedule of the current notebook. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { whenWords } from '@kfnb/core/schedules/cron-words';
import {
  catchUpWordsOf,
  concurrencyWords,
  missedTitle,
  placeName,
  presetWords,
  rulesOf
} from '@kfnb/core/schedules/schedule-words';
import { Parameter, TargetInfo } from '@kfnb/core/wire/api-types';
import { ParameterForm } from '../panel/parameter-form';
import { PRESETS, ScheduleForm } from './schedule-form';

interface FieldsProps {
  form: ScheduleForm;
  notebook: string;
  parameters: Parameter[];
  targets: readonly TargetInfo[];
  onSubmit: () => void;
  onCancel: () => void;
  trans: TranslationBundle;
}

export function ScheduleFields(props: FieldsProps): React.JSX.Element {
  const { form, notebook, trans, onSubmit, onCancel } = props;
  return (
    <form
      className="kfnb-ScheduleForm"
      aria-label={trans.__('New schedule')}
      onSubmit={event => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <h2>{trans.__('New schedule of %1', notebook)}</h2>
      <WhenFields {...props} />
      <WhereFields {...props} />
      <ParameterFields {...props} />
      <p className="kfnb-ScheduleForm-error" role="alert">
        {form.error}
      </p>
      <div className="kfnb-Schedules-buttons">
        <button type="button" className="jp-mod-styled" onClick={onCancel}>
          {trans.__('Cancel')}
        </button>
        <button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          aria-disabled={form.isBusy || form.timesError !== ''}
        >
          {form.isBusy ? trans.__('The schedule is made…') : trans.__('Make the Schedule')}
        </button>
      </div>
    </form>
  );
}

/** The expression, with its words and its next times as the user types. */
function WhenFields({ form, targets, trans }: FieldsProps): React.JSX.Element {
  const presets = presetWords(trans);
  const { cron, zone, target } = form.fields;
  const engine = engineOf(target, targets);
  const id = React.useId();
  return (
    <fieldset>
      <legend>{trans.__('When')}</legend>
      <label>
        <span>{trans.__('How often')}</span>
        <select
          value={PRESETS.includes(cron) ? cron : ''}
          onChange={event => form.set({ cron: event.target.value || cron })}
        >
          {PRESETS.map(preset => (
            <option key={preset} value={preset}>
              {presets[preset]}
            </option>
          ))}
          <option value="">{trans.__('As the expression says')}</option>
        </select>
      </label>
      <label>
        <span>{trans.__('Cron expression')}</span>
        <input
          className="jp-mod-styled"
          value={cron}
          required
          spellCheck={false}
          aria-invalid={form.timesError !== ''}
          aria-describedby={id}
          onChange={event => form.set({ cron: event.target.value })}
        />
      </label>
      <label>
        <span>{trans.__('Time zone')}</span>
        <input
          className="jp-mod-styled"
          value={zone}
          list={`${id}-zones`}
          spellCheck={false}
          disabled={engine === 'kfp'}
          placeholder={placeholderOfZone(engine, trans)}
          onChange={event => form.set({ zone: event.target.value })}
        />
      </label>
      <datalist id={`${id}-zones`}>
        {timeZones().map(name => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <div id={id} className="kfnb-ScheduleForm-times" role="status">
        {form.timesError && <p className="kfnb-ScheduleForm-error">{form.timesError}</p>}
        {form.times && (
          <>
            <p>
              <strong>{whenWords({ ...form.times, cron }, trans, document.documentElement.lang)}</strong>{' '}
              {form.times.zone}
            </p>
            <ol aria-label={trans.__('Next times')}>
              {form.times.next.map(time => (
                <li key={time}>{time}</li>
              ))}
            </ol>
          </>
        )}
      </div>
      <Choice
        label={missedTitle(target, trans)}
        value={form.fields.catchUp}
        values={rulesOf(engine).catchUp}
        words={catchUpWordsOf(engine, trans)}
        onChange={catchUp => form.set({ catchUp })}
      />
      <Choice
        label={trans.__('While a run goes on')}
        value={form.fields.concurrency}
        values={rulesOf(engine).concurrency}
        words={concurrencyWords(trans)}
        onChange={concurrency => form.set({ concurrency })}
      />
    </fieldset>
  );
}

function WhereFields({ form, targets, trans }: FieldsProps): React.JSX.Element {
  const { target, name, experiment } = form.fields;
  const names = targets.length > 0 ? targets.filter(one => one.trusted).map(one => one.name) : ['local'];
  return (
    <fieldset>
      <legend>{trans.__('Where')}</legend>
      <label>
        <span>{trans.__('Target')}</span>
        <select
          value={target}
          onChange={event => {
            const chosen = event.target.value;
            form.setTarget(chosen, engineOf(chosen, targets));
          }}
        >
          {names.map(one => (
            <option key={one} value={one}>
              {placeName(one, trans)}
            </option>
          ))}
        </select>
      </label>
      <p className="kfnb-ScheduleForm-help">
        {target === 'local'
          ? trans.__('The file runs as it is at each time. It is saved now.')
          : trans.__('The notebook runs as it is now. To run a changed one, make the schedule again.')}
      </p>
      <label>
        <span>{trans.__('Name')}</span>
        <input
          className="jp-mod-styled"
          value={name}
          placeholder={trans.__("the pipeline's name")}
          onChange={event => form.set({ name: event.target.value })}
        />
      </label>
      <label>
        <span>{trans.__('Experiment')}</span>
        <input
          className="jp-mod-styled"
          value={experiment}
          placeholder={trans.__('none')}
          onChange={event => form.set({ experiment: event.target.value })}
        />
      </label>
    </fieldset>
  );
}

function ParameterFields({ form, parameters, trans }: FieldsProps): React.JSX.Element | null {
  if (parameters.length === 0) {
    return null;
  }
  return (
    <fieldset>
      <legend>{trans.__('Parameters')}</legend>
      <ParameterForm
        parameters={parameters}
        values={form.parameters.values}
        errors={form.parameters.errors}
        onChange={(name, text, fieldError) => form.setParameter(name, text, fieldError)}
        trans={trans}
      />
    </fieldset>
  );
}

interface ChoiceProps<Value extends string> {
  label: string;
  value: Value;
  values: Value[];
  words: Record<Value, string>;
  onChange: (value: Value) => void;
}

function Choice<Value extends string>({
  label,
  value,
  values,
  words,
  onChange
}: ChoiceProps<Value>): React.JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={event => onChange(event.target.value as Value)}>
        {values.map(one => (
          <option key={one} value={one}>
            {words[one]}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The engine of a target; ``local`` for one that the server has not listed. */
function engineOf(target: string, targets: readonly TargetInfo[]): string {
  return targets.find(one => one.name === target)?.engine ?? 'local';
}

/** Whose time zone counts where the field is empty. Kubeflow Pipelines has one for all schedules. */
function placeholderOfZone(engine: string, trans: TranslationBundle): string {
  switch (engine) {
    case 'argo':
      return trans.__("the cluster's");
    case 'kfp':
      return trans.__('one for all, which the administrator sets');
    default:
      return trans.__("the server's");
  }
}

/** The zones that the browser knows; older ones do not tell them. */
function timeZones(): string[] {
  const intl = Intl as unknown as { supportedValuesOf?: (kind: string) => string[] };
  return intl.supportedValuesOf?.('timeZone') ?? [];
}
