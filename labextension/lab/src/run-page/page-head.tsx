/** The head of a run's page: the run's state and what can be done with it. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { errorText, formatDuration, formatStart } from '@kfnb/core/format';
import { SHAPES, STEP_FINAL_STATES, words } from '@kfnb/core/states';
import { RunInfo } from '@kfnb/core/wire/api-types';
import { DeliveryBar } from '../panel/delivery-bar';
import { FollowedRun } from '../session/followed-run';

export interface PageActions {
  /** Takes the run up again, from a step on, with the notebook at `path` as it is now if it is open. */
  retry(source: FollowedRun, step: string | null, path: string | null): Promise<void>;
  /** Opens the notebook at a path of the file browser, with the states of this run on its cells. */
  openNotebook(source: FollowedRun, path: string): Promise<void>;
  copyLink(run: string): void;
  /** Opens the page that compares runs. */
  compare(runs: string[]): void;
  openReport(run: RunInfo, html: string): void;
}

interface HeadProps {
  source: FollowedRun;
  /** The notebook's path in the file browser; null for one outside. */
  path: string | null;
  actions: PageActions;
  chosen: string | null;
  label: (step: string) => string;
  trans: TranslationBundle;
}

export function PageHead({ source, path, actions, chosen, label, trans }: HeadProps): React.JSX.Element | null {
  const [trouble, setTrouble] = React.useState<string | null>(null);
  const now = useClock(source.active);
  const created = source.run?.run.created ?? 0;
  const began = React.useMemo(() => formatStart(created), [created]); // dates in words are dear
  if (!source.run) {
    return null;
  }
  const { run, steps } = source.run;
  const act = (what: () => Promise<unknown>) => {
    setTrouble(null);
    what().catch((error: unknown) => setTrouble(errorText(error)));
  };
  const ended = [...source.allProgress.values()].filter(step => STEP_FINAL_STATES.has(step.state)).length;
  const duration = run.started === null ? '' : formatDuration((run.finished ?? now) - run.started);
  return (
    <div className="kfnb-RunPage-head" data-state={run.state}>
      <h1>{run.name ?? run.pipeline}</h1>
      {run.name && <span>{run.pipeline}</span>}
      <span className="kfnb-RunPage-state" role="status">
        {SHAPES[run.state]} {words(trans)[run.state]}
      </span>
      <span>{duration}</span>
      <span>{trans.__('%1 of %2 steps', ended, Math.max(source.allProgress.size, ended))}</span>
      <span>{trans.__('began %1', began)}</span>
      <code>{run.run}</code>
      <span className="kfnb-RunPage-actions">
        {source.active ? (
          <Action text={trans.__('Stop')} act={() => act(() => source.client.cancel(run.run))} />
        ) : (
          <>
            <Action text={trans.__('Retry')} act={() => act(() => actions.retry(source, null, path))} />
            {chosen !== null && steps.length > 0 && (
              <Action
                text={trans.__('Retry from %1', label(chosen))}
                act={() => act(() => actions.retry(source, chosen, path))}
              />
            )}
          </>
        )}
        {path !== null && (
          <Action text={trans.__('Open Notebook')} act={() => act(() => actions.openNotebook(source, path))} />
        )}
        <Action text={trans.__('Copy Link')} act={() => actions.copyLink(run.run)} />
        {run.page && (
          <a className="kfnb-RunPage-link" href={run.page} target="_blank" rel="noreferrer">
            {trans.__('The cluster’s own page')}
          </a>
        )}
      </span>
      {run.state === 'pending' && run.delivery && <DeliveryBar delivery={run.delivery} trans={trans} />}
      {(trouble ?? run.error?.message) && (
        <p className="kfnb-RunPage-trouble" role="alert">
          {trouble ?? `${run.error?.step ? `${run.error.step}: ` : ''}${run.error?.type}: ${run.error?.message}`}
        </p>
      )}
    </div>
  );
}

function Action({ text, act }: { text: string; act: () => void }): React.JSX.Element {
  return (
    <button type="button" className="jp-mod-styled" onClick={act}>
      {text}
    </button>
  );
}

/** Seconds since 1970; they go on while something runs. */
function useClock(runs: boolean): number {
  const [now, setNow] = React.useState(() => Date.now() / 1000);
  React.useEffect(() => {
    if (runs) {
      const timer = window.setInterval(() => setNow(Date.now() / 1000), 500);
      return () => window.clearInterval(timer);
    }
    setNow(Date.now() / 1000);
    return undefined;
  }, [runs]);
  return now;
}
