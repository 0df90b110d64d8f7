/** The fields that narrow the list of all runs. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { FINAL_STATES, SHAPES, words } from '@kfnb/core/states';
import { State } from '@kfnb/core/state-table';
import { RunChoices } from '@kfnb/core/wire/api-types';
import { RunQuery } from '../server/rest-client';
import { initialQuery, isFiltered, secondOfDay } from './run-filters';

const TEXT_DELAY = 250; // milliseconds without a key before a text is looked for
const STATES = ['pending', 'running', ...FINAL_STATES] as State[];

interface FormProps {
  query: RunQuery;
  choices: RunChoices;
  onChange: (part: Partial<RunQuery>) => void;
  trans: TranslationBundle;
}

export function RunFilterForm({ query, choices, onChange, trans }: FormProps): React.JSX.Element {
  const [cleared, clear] = React.useReducer((count: number) => count + 1, 0);
  const stateWords = words(trans);
  const select = (
    name: 'notebook_file' | 'target' | 'experiment' | 'tag',
    label: string,
    all: string,
    values: string[]
  ) => (
    <Choice
      label={label}
      all={all}
      value={query[name]}
      options={values.map(value => [value, name === 'notebook_file' ? baseName(value) : value])}
      onChoose={value => onChange({ [name]: value })}
    />
  );
  return (
    <form
      key={cleared}
      role="search"
      aria-label={trans.__('Find runs')}
      className="kfnb-AllRuns-filters"
      onSubmit={event => event.preventDefault()}
    >
      <TextFilter text={query.text} onText={text => onChange({ text })} trans={trans} />
      <Choice
        label={trans.__('State')}
        all={trans.__('any state')}
        value={query.state[0] ?? null}
        options={STATES.map(state => [state, `${SHAPES[state]} ${stateWords[state]}`])}
        onChoose={state => onChange({ state: state === null ? [] : [state] })}
      />
      {select('notebook_file', trans.__('Notebook'), trans.__('all notebooks'), choices.notebooks)}
      {select('target', trans.__('Target'), trans.__('all targets'), choices.targets)}
      {select('experiment', trans.__('Experiment'), trans.__('all experiments'), choices.experiments)}
      {select('tag', trans.__('Tag'), trans.__('any tag'), choices.tags)}
      <label>
        <span>{trans.__('From')}</span>
        <input type="date" onChange={event => onChange({ since: secondOfDay(event.target.value) })} />
      </label>
      <label>
        <span>{trans.__('To')}</span>
        <input type="date" onChange={event => onChange({ until: secondOfDay(event.target.value, 1) })} />
      </label>
      <button
        type="button"
        className="jp-mod-styled jp-mod-reject"
        disabled={!isFiltered(query)}
        onClick={() => {
          clear();
          onChange({ ...initialQuery(), order: query.order });
        }}
      >
        {trans.__('Clear')}
      </button>
    </form>
  );
}

interface ChoiceProps {
  label: string;
  all: string;
  value: string | null;
  /** Pairs of a value and its words. */
  options: [string, string][];
  onChoose: (value: string | null) => void;
}

function Choice({ label, all, value, options, onChoose }: ChoiceProps): React.JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select value={value ?? ''} onChange={event => onChoose(event.target.value || null)}>
        <option value="">{all}</option>
        {options.map(([one, text]) => (
          <option key={one} value={one} title={one}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

interface TextFilterProps {
  text: string;
  onText: (text: string) => void;
  trans: TranslationBundle;
}

/** A text that is looked for once the user has stopped typing. */
function TextFilter({ text, onText, trans }: TextFilterProps): React.JSX.Element {
  const timer = React.useRef(0);
  React.useEffect(() => () => window.clearTimeout(timer.current), []);
  return (
    <label className="kfnb-AllRuns-text">
      <span>{trans.__('Text')}</span>
      <input
        type="search"
        defaultValue={text}
        placeholder={trans.__('id, name, parameter, note')}
        onChange={event => {
          const typed = event.target.value;
          window.clearTimeout(timer.current);
          timer.current = window.setTimeout(() => onText(typed), TEXT_DELAY);
        }}
      />
    </label>
  );
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.split(/[\\/]/).pop() ?? path;
}
