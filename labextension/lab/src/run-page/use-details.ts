/** What the record knows of a run beyond its state, asked for when the page can be used and again when it may have changed. */

import * as React from 'react';

import { RunDetails } from '@kfnb/core/wire/api-types';
import { FollowedRun } from '../session/followed-run';

const LEAST_PAUSE = 1000; // milliseconds between two requests while the run goes on

/** Null until the first answer. A request that fails leaves what was known before. */
export function useDetails(source: FollowedRun, run: string, chosen: string | null): RunDetails | null {
  const [details, setDetails] = React.useState<RunDetails | null>(null);
  const waiting = React.useRef(0);
  const { active } = source;
  const shown = (source.run?.steps ?? []).filter(step => !active || step.step === chosen);
  const changes = shown.map(step => `${step.path} ${step.attempts} ${step.state} ${step.reason}`).join();
  React.useEffect(() => {
    waiting.current ||= window.setTimeout(
      () => {
        waiting.current = 0;
        source.client.runDetails(run).then(setDetails, () => undefined);
      },
      active ? LEAST_PAUSE : 0
    );
  }, [source, run, active, changes]);
  React.useEffect(() => () => window.clearTimeout(waiting.current), []);
  return details;
}
