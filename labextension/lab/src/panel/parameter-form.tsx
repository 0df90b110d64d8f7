/** The form for the parameters of a pipeline. Types and defaults come from the notebook. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { valueText, parameterField } from '@kfnb/core/parameters/parameter-fields';
import { Parameter } from '@kfnb/core/wire/api-types';

interface FormProps {
  parameters: Parameter[];
  values: ReadonlyMap<string, string>;
  /** What is wrong with the typed values, by parameter name. */
  errors: ReadonlyMap<string, string>;
  /** `fieldError` says why the content of the field is not a value at all. */
  onChange: (name: string, text: string | null, fieldError: string | null) => void;
  trans: TranslationBundle;
}

export function ParameterForm({ parameters, values, errors, onChange, trans }: FormProps): React.JSX.Element | null {
  if (parameters.length === 0) {
    return null;
  }
  return (
    <div className="kfnb-Form">
      {parameters.map(parameter => (
        <label key={parameter.name} className="kfnb-Form-row">
          <span className="kfnb-Form-name" title={`${parameter.name}: ${parameter.description || parameter.type}`}>
            {parameter.name}
          </span>
          <Field
            parameter={parameter}
            text={values.get(parameter.name) ?? null}
            invalid={errors.has(parameter.name)}
            onChange={onChange}
            trans={trans}
          />
          {errors.has(parameter.name) && (
            <span className="kfnb-Form-wrong" role="alert">
              {errors.get(parameter.name)}
            </span>
          )}
        </label>
      ))}
    </div>
  );
}

interface FieldProps {
  parameter: Parameter;
  text: string | null;
  invalid: boolean;
  onChange: FormProps['onChange'];
  trans: TranslationBundle;
}

function Field({ parameter, text, invalid, onChange, trans }: FieldProps): React.JSX.Element {
  const defaultText = valueText(parameter.default);
  const field = parameterField(parameter);
  const name = parameter.name;
  if (field.kind === 'checkbox') {
    const on = (text ?? defaultText).toLowerCase() === 'true';
    return (
      <input
        type="checkbox"
        checked={on}
        onChange={event => onChange(name, event.target.checked ? 'true' : 'false', null)}
      />
    );
  }
  if (field.kind === 'select') {
    return (
      <select
        className="jp-mod-styled"
        value={text ?? defaultText}
        aria-invalid={invalid}
        onChange={event => onChange(name, event.target.value === defaultText ? null : event.target.value, null)}
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
        value={text ?? (shown ? defaultText : '')}
        placeholder={defaultText || trans.__('empty')}
        aria-invalid={invalid}
        onChange={event => {
          const { value, validity } = event.target;
          onChange(name, value === '' ? null : value, validity.badInput ? trans.__('this is no number or date') : null);
        }}
      />
      {field.kind === 'range' && <output className="kfnb-Form-value">{text ?? defaultText}</output>}
    </>
  );
}
