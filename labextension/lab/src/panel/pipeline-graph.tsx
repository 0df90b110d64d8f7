/** The graph of a pipeline in the side bar. */

import { TranslationBundle } from '@jupyterlab/translation';
import { GraphView, MARGIN } from '@kfnb/core/graph/graph-view';
import { StepProgress } from '@kfnb/core/run/run-progress';
import { Graph } from '@kfnb/core/wire/api-types';
import * as React from 'react';

const MIN_SCALE = 0.7; // the graph shrinks to this part of its size, then it scrolls

interface PipelineGraphProps {
  graph: Graph;
  progress: (step: string) => StepProgress | null;
  onStep: (step: string) => void;
  trans: TranslationBundle;
}

export function PipelineGraph({ graph, progress, onStep, trans }: PipelineGraphProps): React.JSX.Element {
  const place = React.useRef<HTMLDivElement>(null);
  const view = React.useMemo(() => new GraphView(trans, { onStep }), [trans, onStep]);
  React.useLayoutEffect(() => place.current?.replaceChildren(view.node), [view]);
  React.useLayoutEffect(() => {
    const width = graph.width + 2 * MARGIN;
    view.node.style.maxWidth = `${width}px`;
    view.node.style.minWidth = `${MIN_SCALE * width}px`;
    view.draw(graph);
  }, [view, graph]);
  React.useLayoutEffect(() => view.steps.forEach(step => view.show(step, progress(step))));
  return <div ref={place} />;
}
