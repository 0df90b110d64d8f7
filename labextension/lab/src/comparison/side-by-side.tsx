/** What one step printed, displayed and left in each of the compared runs, side by side. */

import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { FINAL_STATES } from '@kfnb/core/states';
import { ComparedRun, Comparison } from '@kfnb/core/wire/api-types';
import { MarkInput } from '../inspector/mark-input';
import { Attempt } from '../outputs/attempt';
import { AttemptOutput } from '../outputs/attempt-output';
import { RestClient } from '../server/rest-client';

const NOT_RUN: ReadonlySet<unknown> = new Set([undefined, 'pending', 'skipped', 'omitted']);

interface SideProps {
  comparison: Comparison;
  client: RestClient;
  rendermime: IRenderMimeRegistry;
  trans: TranslationBundle;
}

export function SideBySide({ comparison, client, rendermime, trans }: SideProps): React.JSX.Element | null {
  const [name, setName] = React.useState('');
  const [iteration, setIteration] = React.useState('0');
  const step = comparison.states.find(row => row.name === name);
  const path = step?.loop ? `${name}[${iteration.split(',').join('][')}]` : name;
  if (comparison.states.length === 0) {
    return null;
  }
  return (
    <section className="kfnb-Comparison-sides" aria-label={trans.__('Side by side')}>
      <label>
        {trans.__('Show what a step printed and displayed, side by side:')}
        <select value={name} onChange={event => setName(event.target.value)}>
          <option value="">{trans.__('choose a step')}</option>
          {comparison.states.map(row => (
            <option key={row.name} value={row.name}>
              {row.label}
            </option>
          ))}
        </select>
      </label>
      {step?.loop && (
        <label>
          {trans.__('Iteration, from 0; of loops in loops such as 2,3:')}
          <MarkInput
            value={iteration}
            label={trans.__('Iteration')}
            onCommit={typed => setIteration(/^\d+(,\d+)*$/.test(typed) ? typed : iteration)}
          />
        </label>
      )}
      {step && (
        <div className="kfnb-Comparison-columns">
          {comparison.runs.map((run, at) => (
            <Side
              key={`${run.run} ${path}`}
              run={run}
              title={trans.__('run %1, %2', at + 1, run.pipeline)}
              path={path}
              hasRun={step.loop !== null || !NOT_RUN.has(step.values[run.run])}
              client={client}
              rendermime={rendermime}
              trans={trans}
            />
          ))}
        </div>
      )}
    </section>
  );
}

interface RunProps {
  run: ComparedRun;
  title: string;
  path: string;
  hasRun: boolean;
  client: RestClient;
  rendermime: IRenderMimeRegistry;
  trans: TranslationBundle;
}

function Side({ run, title, path, hasRun, client, rendermime, trans }: RunProps): React.JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  const active = React.useRef(true);
  active.current = !FINAL_STATES.has(run.state);
  // a layout effect: the widget is disposed while its node is still in the document
  React.useLayoutEffect(() => {
    if (!hasRun || !place.current) {
      return undefined;
    }
    const output = new AttemptOutput(rendermime, trans, () => undefined);
    output.addClass('kfnb-Log');
    output.addClass('kfnb-Controls');
    Widget.attach(output, place.current);
    output.open(new Attempt(client, run.run, path, 0, () => active.current));
    return () => output.dispose();
  }, [hasRun, client, rendermime, run.run, path, trans]);
  return (
    <article aria-label={title} data-run={run.run}>
      <h3>{title}</h3>
      {!hasRun && <p>{trans.__('The step did not run.')}</p>}
      <div ref={place} />
    </article>
  );
}
