/** The parameters of a pipeline, with the types and defaults that the notebook gives them. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { asText, fieldOf } from './fields';
import { Parameter } from './wire';

interface FormProps {
  parameters: Parameter[];
  given: Map<string, string>;
  onChange: (name: string, text: string | null) => void;
  trans: TranslationBundle;
}

export function ParameterForm({ parameters, given, onChange, trans }: FormProps): React.JSX.Element | null {
  if (parameters.length === 0) {
    return null;
  }
  return (
    <div className="kfnb-Form">
      {parameters.map(parameter => (
        <label key={parameter.name} className="kfnb-Form-row">
          <span className="kfnb-Form-name" title={parameter.description || parameter.type}>
            {parameter.name}
          </span>
          <Field parameter={parameter} text={given.get(parameter.name) ?? null} onChange={onChange} trans={trans} />
        </label>
      ))}
    </div>
  );
}

interface FieldProps {
  parameter: Parameter;
  text: string | null;
  onChange: (name: string, text: string | null) => void;
  trans: TranslationBundle;
}

function Field({ parameter, text, onChange, trans }: FieldProps): React.JSX.Element {
  const standard = asText(parameter.default);
  const field = fieldOf(parameter);
  const name = parameter.name;
  if (field.kind === 'checkbox') {
    const on = (text ?? standard).toLowerCase() === 'true';
    return (
      <input type="checkbox" checked={on} onChange={event => onChange(name, event.target.checked ? 'true' : 'false')} />
    );
  }
  if (field.kind === 'select') {
    return (
      <select
        className="jp-mod-styled"
        value={text ?? standard}
        onChange={event => onChange(name, event.target.value === standard ? null : event.target.value)}
      >
        {field.choices.map(choice => (
          <option key={choice.text} value={choice.text}>
            {choice.label}
          </option>
        ))}
      </select>
    );
  }
  const limits = 'step' in field ? { min: field.min, max: field.max, step: field.step } : {};
  const shown = field.kind === 'range' || field.kind === 'date' || field.kind === 'time';
  return (
    <>
      <input
        className="jp-mod-styled"
        type={field.kind}
        {...limits}
        value={text ?? (shown ? standard : '')}
        placeholder={standard || trans.__('empty')}
        onChange={event => onChange(name, event.target.value === '' ? null : event.target.value)}
      />
      {field.kind === 'range' && <output className="kfnb-Form-value">{text ?? standard}</output>}
    </>
  );
}
