/** The table of a notebook's runs, with state, duration, parameters and metrics side by side. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Duration } from '../common/duration';
import { formatStart, valueText } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { ListedRun } from '@kfnb/core/wire/api-types';

interface RunListProps {
  runs: ListedRun[];
  shown: string | null;
  /** The time at which the clocks of runs stand, in seconds since 1970; null while they go. */
  clock: number | null;
  onShow: (run: string) => void;
  onDelete: (run: ListedRun) => void;
  trans: TranslationBundle;
}

export function RunList({ runs, shown, clock, onShow, onDelete, trans }: RunListProps): React.JSX.Element {
  if (runs.length === 0) {
    return <p className="kfnb-Panel-hint">{trans.__('This notebook has not been run as a pipeline yet.')}</p>;
  }
  const metrics = [...new Set(runs.flatMap(run => Object.keys(run.metrics)))].slice(0, 6);
  const selected = runs.find(run => run.run === shown);
  return (
    <div className="kfnb-Runs" role="region" aria-label={trans.__('Runs of this notebook')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{trans.__('Began')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Took')}</th>
            {metrics.map(name => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {runs.map(run => (
            <Row
              key={run.run}
              run={run}
              metrics={metrics}
              shown={run.run === shown}
              clock={clock}
              onShow={onShow}
              trans={trans}
            />
          ))}
        </tbody>
      </table>
      {selected && (
        <button
          type="button"
          className="kfnb-Runs-delete"
          disabled={selected.state === 'pending' || selected.state === 'running'}
          title={trans.__('Delete the run that is shown, which began %1', formatStart(selected.created))}
          onClick={() => onDelete(selected)}
        >
          {trans.__('Delete…')}
        </button>
      )}
    </div>
  );
}

interface RowProps {
  run: ListedRun;
  metrics: string[];
  shown: boolean;
  clock: number | null;
  onShow: (run: string) => void;
  trans: TranslationBundle;
}

function Row({ run, metrics, shown, clock, onShow, trans }: RowProps): React.JSX.Element {
  const parameters = Object.entries(run.parameters)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .join('\n');
  const told = [run.error?.message, parameters].filter(Boolean).join('\n');
  return (
    <tr className={shown ? 'kfnb-mod-shown' : ''} data-state={run.state} title={told}>
      <td>
        <button
          type="button"
          className="kfnb-Runs-show"
          aria-pressed={shown}
          title={trans.__('Show the states and logs of this run on the cells')}
          onClick={() => onShow(run.run)}
        >
          {formatStart(run.created)}
        </button>
        {run.name && <div className="kfnb-Runs-name">{run.name}</div>}
      </td>
      <td className="kfnb-Runs-state">
        {SHAPES[run.state]} {words(trans)[run.state]}
      </td>
      <td>{run.started === null ? '' : <Duration started={run.started} end={run.finished ?? clock} />}</td>
      {metrics.map(name => (
        <td key={name}>{valueText(run.metrics[name])}</td>
      ))}
    </tr>
  );
}
