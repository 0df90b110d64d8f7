/** The timing of a run, live. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { runTiming, waits } from '@kfnb/core/timing/run-timing';
import { TimingView } from '@kfnb/core/timing/timing-view';
import { Graph } from '@kfnb/core/wire/api-types';
import { FollowedRun } from '../session/followed-run';

const LEAST_PAUSE = 250; // milliseconds between two pictures of the chart
const TICK = 500; // milliseconds after which the bars of what runs are longer

interface TimingProps {
  source: FollowedRun;
  graph: Graph;
  label: (step: string) => string;
  chosen: string | null;
  onStep: (step: string) => void;
  trans: TranslationBundle;
}

/** It follows the run by itself, and not with each change of the page, which would be too often for a thousand steps. */
export const RunTimingChart = React.memo(function RunTimingChart(props: TimingProps): React.JSX.Element {
  const { source, graph, label, chosen, onStep, trans } = props;
  const place = React.useRef<HTMLDivElement>(null);
  const lines = React.useMemo(() => waits(graph), [graph]);
  const view = React.useMemo(() => new TimingView(trans, onStep), [trans, onStep]);
  React.useLayoutEffect(() => place.current?.replaceChildren(view.node), [view]);
  React.useLayoutEffect(() => {
    let waiting = 0;
    const show = () => {
      waiting = 0;
      view.show(runTiming(source.allProgress, lines, Date.now() / 1000), label, chosen);
    };
    const later = () => {
      waiting ||= window.setTimeout(show, LEAST_PAUSE);
    };
    const clock = window.setInterval(() => source.active && later(), TICK);
    source.changed.connect(later);
    show();
    return () => {
      window.clearTimeout(waiting);
      window.clearInterval(clock);
      source.changed.disconnect(later);
    };
  }, [view, source, lines, label, chosen]);
  return (
    <section className="kfnb-RunPage-timing" aria-label={trans.__('Timing')}>
      <h2>{trans.__('Timing')}</h2>
      <div ref={place} />
    </section>
  );
});
