/** The chosen step of a run: its state, attempts and settings, and its log with values and displays. */

import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { valueText } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { RunDetails } from '@kfnb/core/wire/api-types';
import { StepLog } from '../cells/step-log';
import { FollowedRun } from '../session/followed-run';
import { StepAttempts, StepPods } from './step-attempts';

interface InspectorProps {
  source: FollowedRun;
  details: RunDetails | null;
  step: string | null;
  label: (step: string) => string;
  rendermime: IRenderMimeRegistry;
  onClose: () => void;
  trans: TranslationBundle;
}

export function StepInspector(props: InspectorProps): React.JSX.Element {
  const { source, details, step, label, trans } = props;
  const log = React.useRef<StepLog | null>(null);
  if (step === null) {
    return (
      <section className="kfnb-RunPage-step" aria-label={trans.__('Step')}>
        <p className="kfnb-RunPage-hint">{trans.__('Choose a step in the graph or in the timing.')}</p>
      </section>
    );
  }
  const progress = source.progress(step);
  const info = details?.steps.find(one => one.name === step);
  const settings = Object.entries(info?.settings ?? {});
  const attempts = Object.entries(details?.attempts ?? {}).filter(([path]) => path.split('[')[0] === step);
  return (
    <section className="kfnb-RunPage-step" aria-label={trans.__('Step %1', label(step))}>
      <h2>{label(step)}</h2>
      <p className="kfnb-RunPage-stepState" data-state={progress?.state ?? ''}>
        {progress ? `${SHAPES[progress.state]} ${words(trans)[progress.state]}` : trans.__('has not run')}
        {info?.cells.length ? ` · ${trans._n('cell %2', 'cells %2', info.cells.length, info.cells.join(', '))}` : ''}
      </p>
      {progress?.reason && <p className="kfnb-RunPage-reason">{progress.reason}</p>}
      <StepAttempts attempts={attempts} onAttempt={(path, number) => log.current?.open(path, number)} trans={trans} />
      {progress && progress.attempts > 0 && <Log key={step} {...props} step={step} log={log} />}
      {settings.length > 0 && (
        <table className="kfnb-RunPage-table" aria-label={trans.__('Settings of the step')}>
          <tbody>
            {settings.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{[value].flat().map(valueText).join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <StepPods attempts={attempts} path={progress?.path ?? step} trans={trans} />
    </section>
  );
}

interface LogProps extends InspectorProps {
  step: string;
  log: React.MutableRefObject<StepLog | null>;
}

/** The log that a cell has, too. */
function Log({ source, rendermime, step, log, onClose, trans }: LogProps): React.JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  React.useLayoutEffect(() => {
    const page = place.current!.closest('.kfnb-RunPage');
    const leave = () => page?.querySelector<SVGElement>(`.kfnb-Dag-box[data-step="${CSS.escape(step)}"]`)?.focus();
    const view = new StepLog(source, rendermime, trans, step, leave);
    const closed = () => onClose();
    view.disposed.connect(closed);
    Widget.attach(view, place.current!);
    log.current = view;
    return () => {
      log.current = null;
      view.disposed.disconnect(closed);
      view.dispose();
    };
  }, [source, rendermime, trans, step, log, onClose]);
  return <div ref={place} className="kfnb-RunPage-log" />;
}
