/** The attempts at a step: each with its state, times and error, a button for its log, and its pod on a cluster. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatDuration, formatStart } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { Attempt, Pod } from '@kfnb/core/wire/api-types';

const MAX_ROWS = 200; // of a loop with very many retries

interface AttemptsProps {
  /** By the paths of the step. */
  attempts: [string, Attempt[]][];
  /** The path whose pods are shown. */
  shown: string;
  onAttempt: (path: string, number: number) => void;
  trans: TranslationBundle;
}

export function StepAttempts({ attempts, shown, onAttempt, trans }: AttemptsProps): React.JSX.Element {
  const rows = attempts
    .filter(([, tries]) => tries.length > 1)
    .flatMap(([path, tries]) => tries.map(one => ({ path, ...one })))
    .slice(0, MAX_ROWS);
  const pods = attempts.filter(([path]) => path === shown).flatMap(([, tries]) => tries.flatMap(one => one.pod ?? []));
  return (
    <>
      {rows.length > 0 && (
        <table className="kfnb-RunPage-table" aria-label={trans.__('Attempts')}>
          <tbody>
            {rows.map(({ path, number, state, started, finished, error }) => (
              <tr key={`${path} ${number}`} data-state={state}>
                <th scope="row">
                  <button
                    type="button"
                    className="kfnb-RunPage-link"
                    title={trans.__('Show the log of this attempt')}
                    onClick={() => onAttempt(path, number)}
                  >
                    {trans.__('%1, attempt %2', path, number)}
                  </button>
                </th>
                <td>
                  {SHAPES[state]} {words(trans)[state]}
                </td>
                <td>{started === null ? '' : formatStart(started)}</td>
                <td>{started === null || finished === null ? '' : formatDuration(finished - started)}</td>
                <td>{error ? `${error.type}: ${error.message}` : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {pods.map((pod, at) => (
        <PodFacts key={at} pod={pod} trans={trans} />
      ))}
    </>
  );
}

function PodFacts({ pod, trans }: { pod: Pod; trans: TranslationBundle }): React.JSX.Element {
  return (
    <table className="kfnb-RunPage-table" aria-label={pod.name ? trans.__('Pod %1', pod.name) : trans.__('pod')}>
      <tbody>
        <tr>
          <th scope="row">{trans.__('pod')}</th>
          <td>
            {pod.name && <code>{pod.namespace ? `${pod.namespace}/${pod.name}` : pod.name}</code>}{' '}
            {pod.page && (
              <a className="kfnb-RunPage-link" href={pod.page} target="_blank" rel="noreferrer">
                {trans.__('The cluster’s own page')}
              </a>
            )}
          </td>
        </tr>
        {pod.node && (
          <tr>
            <th scope="row">{trans.__('node')}</th>
            <td>
              <code>{pod.node}</code>
            </td>
          </tr>
        )}
        {pod.events.map(({ time, reason, message }, at) => (
          <tr key={at}>
            <th scope="row">
              {formatStart(time)} {reason}
            </th>
            <td>{message}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
