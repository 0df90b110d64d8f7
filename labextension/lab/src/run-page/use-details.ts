/** What the record knows of a run beyond its state, asked for when the page can be used and again when it may have changed. */

import * as React from 'react';

import { RunDetails } from '@kfnb/core/wire/api-types';
import { FollowedRun } from '../session/followed-run';

const LEAST_PAUSE = 1000; // milliseconds before it is asked for again

/** Null until the first answer. A request that fails leaves what was known before. */
export function useDetails(source: FollowedRun, run: string, chosen: string | null): RunDetails | null {
  const [details, setDetails] = React.useState<RunDetails | null>(null);
  const waiting = React.useRef(0);
  const isFirst = React.useRef(true);
  const { active } = source;
  const shown = active ? (source.run?.steps.filter(step => step.step === chosen) ?? []) : [];
  const changes = active
    ? shown.map(step => `${step.path} ${step.attempts} ${step.state} ${step.reason}`).join()
    : `ended ${source.run?.seq}`;
  React.useEffect(() => {
    const pause = isFirst.current ? 0 : LEAST_PAUSE;
    isFirst.current = false;
    waiting.current ||= window.setTimeout(() => {
      waiting.current = 0;
      source.client.runDetails(run).then(setDetails, () => undefined);
    }, pause);
  }, [source, run, changes]);
  React.useEffect(() => () => window.clearTimeout(waiting.current), []);
  return details;
}
