/** The timing of a run, live. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { runTiming, waits } from '@kfnb/core/timing/run-timing';
import { TimingView } from '@kfnb/core/timing/timing-view';
import { Graph } from '@kfnb/core/wire/api-types';
import { FollowedRun } from '../session/followed-run';
import { useClock } from './page-head';

interface TimingProps {
  source: FollowedRun;
  graph: Graph;
  label: (step: string) => string;
  chosen: string | null;
  onStep: (step: string) => void;
  trans: TranslationBundle;
}

export function RunTimingChart({ source, graph, label, chosen, onStep, trans }: TimingProps): React.JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  const now = useClock(source.active);
  const lines = React.useMemo(() => waits(graph), [graph]);
  const view = React.useMemo(() => new TimingView(trans, onStep), [trans, onStep]);
  React.useLayoutEffect(() => place.current?.replaceChildren(view.node), [view]);
  React.useLayoutEffect(() => {
    view.show(runTiming(source.allProgress, lines, source.active ? now : Date.now() / 1000), label, chosen);
  });
  return (
    <section className="kfnb-RunPage-timing" aria-label={trans.__('Timing')}>
      <h2>{trans.__('Timing')}</h2>
      <div ref={place} />
    </section>
  );
}
