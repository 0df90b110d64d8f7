/** The parameters of a pipeline, with the types and defaults that the notebook gives them. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

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
          <span className="kfnb-Form-name" title={parameter.type}>
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
  if (parameter.type === 'bool') {
    const on = (text ?? standard).toLowerCase() === 'true';
    return (
      <input
        type="checkbox"
        checked={on}
        onChange={event => onChange(parameter.name, event.target.checked ? 'true' : 'false')}
      />
    );
  }
  const number = parameter.type === 'int' || parameter.type === 'float';
  return (
    <input
      className="jp-mod-styled"
      type={number ? 'number' : 'text'}
      step={parameter.type === 'int' ? 1 : 'any'}
      value={text ?? ''}
      placeholder={standard || trans.__('empty')}
      onChange={event => onChange(parameter.name, event.target.value === '' ? null : event.target.value)}
    />
  );
}

/** A default as one would type it. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
