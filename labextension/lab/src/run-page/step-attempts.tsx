/** The attempts at a step: each with its state, times and error, and a button for its log; and their pods on a cluster. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatDuration, formatStart } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { Attempt, Pod } from '@kfnb/core/wire/api-types';

const MAX_ROWS = 200; // of a loop with very many retries

interface AttemptsProps {
  /** By the paths of the step. */
  attempts: [string, Attempt[]][];
  onAttempt: (path: string, number: number) => void;
  trans: TranslationBundle;
}

interface PodsProps extends Pick<AttemptsProps, 'attempts' | 'trans'> {
  path: string;
}

export function StepAttempts({ attempts, onAttempt, trans }: AttemptsProps): React.JSX.Element | null {
  const rows = attempts
    .filter(([, tries]) => tries.length > 1)
    .flatMap(([path, tries]) => tries.map(one => ({ path, ...one })))
    .slice(0, MAX_ROWS);
  if (rows.length === 0) {
    return null;
  }
  const isLoop = attempts.length > 1;
  return (
    <table className="kfnb-RunPage-table kfnb-RunPage-attempts" aria-label={trans.__('Attempts')}>
      <tbody>
        {rows.map(({ path, number, state, started, finished, error }) => (
          <React.Fragment key={`${path} ${number}`}>
            <tr data-state={state} className={error ? 'kfnb-RunPage-failed' : ''}>
              <th scope="row">
                <button
                  type="button"
                  className="kfnb-RunPage-link"
                  title={trans.__('Show the log of this attempt')}
                  onClick={() => onAttempt(path, number)}
                >
                  {isLoop ? trans.__('%1, attempt %2', path, number) : trans.__('attempt %1', number)}
                </button>
              </th>
              <td>
                {SHAPES[state]} {words(trans)[state]}
              </td>
              <td>{started === null ? '' : formatStart(started)}</td>
              <td>{started === null || finished === null ? '' : formatDuration(finished - started)}</td>
            </tr>
            {error && (
              <tr className="kfnb-RunPage-attemptError">
                <td colSpan={4}>{`${error.type}: ${error.message}`}</td>
              </tr>
            )}
          </React.Fragment>
        ))}
      </tbody>
    </table>
  );
}

/** The pods of the attempts at one path of a step, on a cluster. */
export function StepPods({ attempts, path, trans }: PodsProps): React.JSX.Element {
  const pods = attempts.filter(([one]) => one === path).flatMap(([, tries]) => tries.flatMap(one => one.pod ?? []));
  return (
    <>
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
