/** The chosen step of a run: its state, attempts and settings, and its log with values and displays. */

import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { formatDuration, formatStart } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { Attempt, RunDetails } from '@kfnb/core/wire/api-types';
import { StepLog } from '../cells/step-log';
import { FollowedRun } from '../session/followed-run';

interface InspectorProps {
  source: FollowedRun;
  details: RunDetails;
  step: string | null;
  label: (step: string) => string;
  rendermime: IRenderMimeRegistry;
  onClose: () => void;
  trans: TranslationBundle;
}

export function StepInspector(props: InspectorProps): React.JSX.Element {
  const { source, details, step, label, trans } = props;
  if (step === null) {
    return (
      <section className="kfnb-RunPage-step" aria-label={trans.__('Step')}>
        <p className="kfnb-RunPage-hint">{trans.__('Choose a step in the graph or in the timing.')}</p>
      </section>
    );
  }
  const progress = source.progress(step);
  const info = details.steps.find(one => one.name === step);
  const settings = Object.entries(info?.settings ?? {});
  const attempts = Object.entries(details.attempts).filter(([path]) => path.split('[')[0] === step);
  return (
    <section className="kfnb-RunPage-step" aria-label={trans.__('Step %1', label(step))}>
      <h2>{label(step)}</h2>
      <p className="kfnb-RunPage-stepState" data-state={progress?.state ?? ''}>
        {progress ? `${SHAPES[progress.state]} ${words(trans)[progress.state]}` : trans.__('has not run')}
        {info?.cells.length ? ` · ${trans._n('cell %2', 'cells %2', info.cells.length, info.cells.join(', '))}` : ''}
      </p>
      {progress?.reason && <p className="kfnb-RunPage-reason">{progress.reason}</p>}
      {attempts.some(([, tries]) => tries.length > 1) && <Attempts attempts={attempts} trans={trans} />}
      {settings.length > 0 && (
        <table className="kfnb-RunPage-table" aria-label={trans.__('Settings of the step')}>
          <tbody>
            {settings.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{typeof value === 'string' ? value : JSON.stringify(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {progress && progress.attempts > 0 && <Log key={step} {...props} step={step} />}
    </section>
  );
}

function Attempts({
  attempts,
  trans
}: {
  attempts: [string, Attempt[]][];
  trans: TranslationBundle;
}): React.JSX.Element {
  const rows = attempts.flatMap(([path, tries]) => tries.map(one => ({ path, ...one })));
  return (
    <table className="kfnb-RunPage-table" aria-label={trans.__('Attempts')}>
      <tbody>
        {rows.map(({ path, number, state, started, finished, error }) => (
          <tr key={`${path} ${number}`} data-state={state}>
            <th scope="row">{trans.__('%1, attempt %2', path, number)}</th>
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
  );
}

/** The log that a cell has, too. */
function Log({ source, rendermime, step, onClose, trans }: InspectorProps & { step: string }): React.JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  React.useLayoutEffect(() => {
    const page = place.current!.closest('.kfnb-RunPage');
    const leave = () => page?.querySelector<SVGElement>(`.kfnb-Dag-box[data-step="${CSS.escape(step)}"]`)?.focus();
    const log = new StepLog(source, rendermime, trans, step, leave);
    const closed = () => onClose();
    log.disposed.connect(closed);
    Widget.attach(log, place.current!);
    return () => {
      log.disposed.disconnect(closed);
      log.dispose();
    };
  }, [source, rendermime, trans, step]);
  return <div ref={place} className="kfnb-RunPage-log" />;
}
