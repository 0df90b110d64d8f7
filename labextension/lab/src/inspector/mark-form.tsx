/** The form for the marks of a cell: each mark is shown and changed where it is written. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { MARKS, MarkKind, MarkWord } from '../marks/mark-table';
import { Place } from '../marks/cell-marks';
import { WrittenValue } from '../marks/step-marks';
import { ProblemText } from '../problems/problem-text';
import { CellForm } from './cell-form';
import { MarkField, markFields, MarkGroup, markGroups } from './mark-fields';
import { MarkInput } from './mark-input';

interface FormProps {
  form: CellForm;
  trans: TranslationBundle;
}

export function MarkForm({ form, trans }: FormProps): React.JSX.Element {
  const fields = markFields(trans);
  return (
    <>
      <Role form={form} trans={trans} />
      <Mark form={form} trans={trans} mark="step" field={fields.step} />
      {form.hasSettings ? (
        markGroups(trans).map(group => (
          <Group key={group.title} form={form} trans={trans} group={group} fields={fields} />
        ))
      ) : (
        <p>{trans.__('A cell with the name of a step can have conditions, resources, packages and more.')}</p>
      )}
    </>
  );
}

function Role({ form, trans }: FormProps): React.JSX.Element {
  const roles: Record<string, string> = {
    '': trans.__('A step, or shared code'),
    parameters: trans.__('Parameters of the pipeline'),
    metrics: trans.__('Metrics'),
    imports: trans.__('Imports for all steps'),
    functions: trans.__('Functions for all steps'),
    skip: trans.__('Not in the pipeline')
  };
  const label = trans.__('This cell is');
  return (
    <div className="kfnb-Marks-field">
      <span>{label}</span>
      <select
        className="jp-mod-styled"
        aria-label={label}
        value={form.role ?? ''}
        onChange={event => form.setRole(event.target.value || null)}
      >
        {Object.entries(roles).map(([role, label]) => (
          <option key={role} value={role}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

interface GroupProps extends FormProps {
  group: MarkGroup;
  fields: Record<MarkWord, MarkField>;
}

function Group({ form, trans, group, fields }: GroupProps): React.JSX.Element {
  const shown = (mark: MarkWord) => <Mark key={mark} form={form} trans={trans} mark={mark} field={fields[mark]} />;
  const set = group.rare.filter(mark => form.values(mark).length > 0).length;
  return (
    <fieldset className="kfnb-Marks-group">
      <legend>{group.title}</legend>
      {group.common.map(shown)}
      {group.rare.length > 0 && (
        <details open={set > 0}>
          <summary>{set > 0 ? trans.__('More (%1 set)', set) : trans.__('More')}</summary>
          {group.rare.map(shown)}
        </details>
      )}
    </fieldset>
  );
}

interface MarkProps extends FormProps {
  mark: MarkWord;
  field: MarkField;
}

function Mark(props: MarkProps): React.JSX.Element {
  const { form, mark, field, trans } = props;
  const kind: MarkKind = MARKS[mark];
  const values = form.values(mark);
  const help = React.useId();
  const problems = form.problemsOf(mark);
  return (
    <div className="kfnb-Marks-field">
      {kind.values === 'none' ? (
        <label className="kfnb-Marks-flag">
          <input
            type="checkbox"
            checked={values.length > 0}
            onChange={event => form.setFlag(mark, event.target.checked)}
          />
          <span>{field.label}</span>
        </label>
      ) : (
        <span>{field.label}</span>
      )}
      {values.map((written, at) => (
        <Value key={`${written.model.id} ${at}`} {...props} kind={kind} written={written} help={help} />
      ))}
      {(kind.values === 'many' || (kind.values === 'one' && values.length === 0)) && (
        <Value
          key={kind.values === 'many' ? 'new' : `${form.model.id} 0`}
          {...props}
          kind={kind}
          written={null}
          help={help}
        />
      )}
      <div id={help} className="kfnb-Marks-help">
        {field.help && <div>{field.help}</div>}
        {problems.map(problem => (
          <div key={problem.message} className="kfnb-Marks-wrong">
            <ProblemText problem={problem} trans={trans} />
          </div>
        ))}
      </div>
    </div>
  );
}

interface ValueProps extends MarkProps {
  kind: MarkKind;
  written: WrittenValue | null; // null: one that the user can add
  help: string;
}

/** One value of a mark with the place where it is written, or the input that adds one. */
function Value({ form, trans, mark, field, kind, written, help }: ValueProps): React.JSX.Element {
  const usual = form.defaultOf(mark);
  const placeholder = usual ? trans.__('%1, for all steps of the notebook', usual) : kind.shown;
  return (
    <>
      {kind.values !== 'none' && (
        <div className="kfnb-Marks-value">
          <MarkInput
            value={written?.value ?? ''}
            label={written || kind.values === 'one' ? field.label : trans.__('Add: %1', field.label)}
            placeholder={placeholder}
            choices={kind.choices}
            proposals={mark === 'after' ? form.otherSteps : undefined}
            describedBy={help}
            invalid={written !== null && form.problemsOf(mark).length > 0}
            onCommit={text => form.set(mark, written, text)}
          />
          {written && (
            <button
              type="button"
              className="jp-mod-styled"
              aria-label={trans.__('Remove %1: %2', field.label, written.value)}
              title={trans.__('Remove')}
              onClick={() => form.set(mark, written, '')}
            >
              ×
            </button>
          )}
        </div>
      )}
      {written && <Where form={form} trans={trans} written={written} />}
    </>
  );
}

function Where({ form, trans, written }: FormProps & { written: WrittenValue }): React.JSX.Element {
  const places: Record<Place, string> = {
    tags: trans.__('in a tag'),
    metadata: trans.__('in the metadata'),
    magic: trans.__('in the %%component line')
  };
  return (
    <div className="kfnb-Marks-where">
      {places[written.place]}
      {written.model !== form.model && (
        <button type="button" onClick={() => form.reveal(written.model)}>
          {trans.__('of cell %1', written.cell)}
        </button>
      )}
    </div>
  );
}
