/** The table of all runs: one row for each run of the page, with a box to choose it. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatDuration, formatStart, valueText } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { ListedRun } from '@kfnb/core/wire/api-types';
import { baseName } from './run-filter-form';
import { nextOrder, sortOf } from './run-filters';

interface TableProps {
  runs: ListedRun[];
  selected: ReadonlyMap<string, unknown>;
  order: string;
  onOrder: (order: string) => void;
  onSelect: (run: string, chosen: boolean) => void;
  onOpen: (run: ListedRun) => void;
  onNotebook: (run: ListedRun) => void;
  onExperiment: (experiment: string) => void;
  trans: TranslationBundle;
}

export function RunTable(props: TableProps): React.JSX.Element {
  const { runs, order, onOrder, trans } = props;
  const columns: [string, string][] = [
    ['created', trans.__('Began')],
    ['state', trans.__('State')],
    ['duration', trans.__('Took')],
    ['pipeline', trans.__('Pipeline')],
    ['notebook', trans.__('Notebook')],
    ['target', trans.__('Target')],
    ['experiment', trans.__('Experiment')]
  ];
  return (
    <div className="kfnb-AllRuns-table" role="region" aria-label={trans.__('Runs of all notebooks')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <td />
            {columns.map(([name, label]) => (
              <th key={name} scope="col" aria-sort={sortOf(order, name)}>
                <button type="button" onClick={() => onOrder(nextOrder(order, name))}>
                  {label}
                  <span aria-hidden="true">{{ ascending: ' ▲', descending: ' ▼', none: '' }[sortOf(order, name)]}</span>
                </button>
              </th>
            ))}
            <th scope="col">{trans.__('Parameters')}</th>
            <th scope="col">{trans.__('Metrics')}</th>
            <th scope="col">{trans.__('Tags and note')}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map(run => (
            <Row key={run.run} {...props} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({
  run,
  selected,
  onSelect,
  onOpen,
  onNotebook,
  onExperiment,
  trans
}: TableProps & { run: ListedRun }): React.JSX.Element {
  const began = formatStart(run.created);
  const name = trans.__('%1, %2', run.name ?? run.pipeline, began);
  const duration = run.started === null ? '' : formatDuration((run.finished ?? Date.now() / 1000) - run.started);
  return (
    <tr data-state={run.state} data-run={run.run} className={selected.has(run.run) ? 'kfnb-mod-chosen' : ''}>
      <td>
        <input
          type="checkbox"
          aria-label={trans.__('Choose the run %1', name)}
          checked={selected.has(run.run)}
          onChange={event => onSelect(run.run, event.target.checked)}
        />
      </td>
      <th scope="row">
        <button
          type="button"
          className="kfnb-AllRuns-open"
          title={trans.__('Open the page of this run: its graph, timing, steps and logs')}
          onClick={() => onOpen(run)}
        >
          {began}
        </button>
      </th>
      <td className="kfnb-AllRuns-state" title={run.error?.message}>
        {SHAPES[run.state]} {words(trans)[run.state]}
      </td>
      <td>{duration}</td>
      <td>
        {run.pipeline}
        {run.name && <span className="kfnb-AllRuns-name">{run.name}</span>}
      </td>
      <Notebook run={run} onNotebook={onNotebook} trans={trans} />
      <td>{run.target}</td>
      <td>
        {run.experiment !== null && (
          <button
            type="button"
            className="kfnb-AllRuns-open"
            title={trans.__('Open the experiment %1', run.experiment)}
            onClick={() => onExperiment(run.experiment ?? '')}
          >
            {run.experiment}
          </button>
        )}
      </td>
      <Values values={run.parameters} />
      <Values values={run.metrics} />
      <td className="kfnb-AllRuns-labels" title={run.note}>
        {run.tags.map(tag => (
          <span key={tag} className="kfnb-AllRuns-tag">
            {tag}
          </span>
        ))}
        {run.note}
      </td>
    </tr>
  );
}

/** The notebook of a run, which opens where the file browser has it. */
function Notebook({
  run,
  onNotebook,
  trans
}: Pick<TableProps, 'onNotebook' | 'trans'> & { run: ListedRun }): React.JSX.Element {
  if (run.notebook === null) {
    return <td />;
  }
  const name = baseName(run.notebook);
  return (
    <td title={run.notebook}>
      {run.path === null ? (
        name
      ) : (
        <button
          type="button"
          className="kfnb-AllRuns-open"
          title={trans.__('Open the notebook with the states and logs of this run')}
          onClick={() => onNotebook(run)}
        >
          {name}
        </button>
      )}
    </td>
  );
}

function Values({ values }: { values: Record<string, unknown> }): React.JSX.Element {
  const texts = Object.entries(values).map(([name, value]) => `${name} = ${valueText(value)}`);
  return (
    <td className="kfnb-AllRuns-values" title={texts.join('\n')}>
      {texts.join(', ')}
    </td>
  );
}
