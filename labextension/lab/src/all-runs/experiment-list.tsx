/** The list of experiments and sweeps: groups of runs by name. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatStart } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { State } from '@kfnb/core/state-table';
import { Experiment } from '@kfnb/core/wire/api-types';

interface ListProps {
  /** Null before the server has answered. */
  experiments: Experiment[] | null;
  onOpen: (experiment: string) => void;
  trans: TranslationBundle;
}

export function ExperimentList({ experiments, onOpen, trans }: ListProps): React.JSX.Element | null {
  if (experiments === null) {
    return null;
  }
  if (experiments.length === 0) {
    return (
      <p className="kfnb-AllRuns-empty">
        {trans.__('No run belongs to an experiment yet. Name one in Run with…, or start a sweep.')}
      </p>
    );
  }
  return (
    <div className="kfnb-AllRuns-table" role="region" aria-label={trans.__('Experiments and sweeps')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{trans.__('Experiment')}</th>
            <th scope="col">{trans.__('Pipeline')}</th>
            <th scope="col">{trans.__('Runs')}</th>
            <th scope="col">{trans.__('States')}</th>
            <th scope="col">{trans.__('Sweep over')}</th>
            <th scope="col">{trans.__('Newest run')}</th>
          </tr>
        </thead>
        <tbody>
          {experiments.map(one => (
            <tr key={one.experiment} data-experiment={one.experiment}>
              <th scope="row">
                <button
                  type="button"
                  className="kfnb-AllRuns-open"
                  title={trans.__('Open the experiment %1', one.experiment)}
                  onClick={() => onOpen(one.experiment)}
                >
                  {one.experiment}
                </button>
              </th>
              <td>{one.pipelines.join(', ')}</td>
              <td>{Object.values(one.states).reduce((sum, count) => sum + count, 0)}</td>
              <td>
                {Object.entries(one.states)
                  .map(([state, count]) => `${SHAPES[state as State]} ${count} ${words(trans)[state as State]}`)
                  .join(', ')}
              </td>
              <td>{one.swept.join(', ')}</td>
              <td>{formatStart(one.last)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
