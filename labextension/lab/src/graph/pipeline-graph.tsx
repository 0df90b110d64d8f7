/** The graph of a pipeline, in the side bar, in dialogs and on the page of a run. */

import { TranslationBundle } from '@jupyterlab/translation';
import { BoxProgress } from '@kfnb/core/graph/graph-view';
import { GraphCanvas } from '@kfnb/core/graph/graph-canvas';
import { Shape } from '@kfnb/core/graph/viewport';
import { Graph } from '@kfnb/core/wire/api-types';
import * as React from 'react';

export interface PipelineGraphProps {
  graph: Graph;
  /** What is known of a step; the same object as long as nothing has changed. */
  progress: (step: string) => BoxProgress | null;
  /** How far a running step says it is. */
  percent?: (step: string) => number | null;
  chosen?: string | null;
  shape?: Shape;
  onStep: (step: string) => void;
  onFold?: (frame: string) => void;
  trans: TranslationBundle;
}

export function PipelineGraph(props: PipelineGraphProps): React.JSX.Element {
  const { graph, progress, percent, chosen = null, shape = 'column', onStep, onFold, trans } = props;
  const place = React.useRef<HTMLDivElement>(null);
  const drawn = React.useRef('');
  const shown = React.useRef(new Map<string, unknown[]>());
  const canvas = React.useMemo(() => new GraphCanvas(trans, { onStep, onFold }, shape), [trans, onStep, onFold, shape]);
  React.useLayoutEffect(() => {
    place.current?.replaceChildren(canvas.node);
    drawn.current = '';
    return () => canvas.dispose();
  }, [canvas]);
  React.useLayoutEffect(() => {
    const content = JSON.stringify(graph);
    if (content !== drawn.current) {
      drawn.current = content; // each answer of the server has a new object, also where its graph is the same
      shown.current.clear();
      canvas.draw(graph);
    }
  }, [canvas, graph]);
  React.useLayoutEffect(() => {
    for (const step of canvas.steps) {
      const now = [progress(step), percent?.(step) ?? null, step === chosen] as const;
      const before = shown.current.get(step);
      if (!before || now.some((part, at) => part !== before[at])) {
        shown.current.set(step, [...now]);
        canvas.show(step, now[0] && { ...now[0], percent: now[1] }, now[2]);
      }
    }
  });
  return <div ref={place} className="kfnb-Graph" />;
}
