/** The graph of a run, live, with frames that can be folded. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { errorText } from '@kfnb/core/format';
import { GraphCanvas } from '@kfnb/core/graph/graph-canvas';
import { Graph } from '@kfnb/core/wire/api-types';
import { FollowedRun } from '../session/followed-run';

interface GraphProps {
  source: FollowedRun;
  graph: Graph;
  chosen: string | null;
  onStep: (step: string) => void;
  trans: TranslationBundle;
}

export function RunGraph({ source, graph, chosen, onStep, trans }: GraphProps): React.JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  const [shown, setShown] = React.useState(graph);
  const [trouble, setTrouble] = React.useState<string | null>(null);
  const folded = React.useRef(new Set<string>());
  const drawnOnce = React.useRef(false);
  const run = source.run?.run.run ?? '';
  const canvas = React.useMemo(() => {
    const onFold = (frame: string) => {
      const wanted = new Set(folded.current);
      if (!wanted.delete(frame)) {
        wanted.add(frame);
      }
      source.client.graph(run, [...wanted]).then(
        answer => {
          folded.current = wanted;
          setTrouble(null);
          setShown(answer.graph);
        },
        (error: unknown) => setTrouble(errorText(error))
      );
    };
    return new GraphCanvas(trans, { onStep, onFold });
  }, [source, run, onStep, trans]);
  React.useLayoutEffect(() => {
    place.current?.replaceChildren(canvas.node);
    return () => canvas.dispose();
  }, [canvas]);
  React.useLayoutEffect(() => {
    canvas.draw(shown, drawnOnce.current);
    drawnOnce.current = true;
  }, [canvas, shown]);
  React.useLayoutEffect(() => {
    for (const step of canvas.steps) {
      const progress = source.progress(step);
      canvas.show(step, progress && { ...progress, percent: source.lastLine(step)?.percent }, step === chosen);
    }
  });
  return (
    <section className="kfnb-RunPage-graph" aria-label={trans.__('Graph of the run')}>
      <div ref={place} className="kfnb-RunPage-canvas" />
      {trouble && <p role="alert">{trouble}</p>}
    </section>
  );
}
