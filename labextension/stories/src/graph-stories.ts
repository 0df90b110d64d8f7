/** The graph of a pipeline in a window, and one so large that only a part of it is in sight. */

import { GraphCanvas } from '@kfnb/core/graph/graph-canvas';
import { progressByStep } from '@kfnb/core/run/run-progress';
import { State, STATE_PRIORITY } from '@kfnb/core/states';
import { Graph } from '@kfnb/core/wire/api-types';
import { largeGraph, smallGraph } from './fixtures/graph-fixtures';
import { RUN } from './fixtures/run-fixtures';
import { ignore, laidOut, narrow, Story, TRANS, type } from './story';

const PERCENT = 40; // that the running step has done

function canvasIn(place: HTMLElement, graph: Graph): GraphCanvas {
  const canvas = new GraphCanvas(TRANS, { onStep: ignore, onFold: ignore });
  place.append(canvas.node);
  canvas.draw(graph);
  return canvas;
}

function drawSmall(place: HTMLElement): void {
  const canvas = canvasIn(place, smallGraph());
  for (const [name, progress] of progressByStep(RUN)) {
    const percent = progress.state === 'running' ? PERCENT : null;
    canvas.show(name, { ...progress, percent }, name === 'explain');
  }
}

async function drawLarge(place: HTMLElement): Promise<void> {
  const canvas = canvasIn(place, largeGraph(15, 8));
  canvas.steps.forEach((name, at) => {
    const state: State = at < 60 ? 'succeeded' : STATE_PRIORITY[at % STATE_PRIORITY.length];
    canvas.show(name, { state, reason: null, iterations: 0, endedIterations: 0 });
  });
  await laidOut();
  type(canvas.node.querySelector('input')!, 'store-9');
}

export const GRAPH_STORIES: Record<string, Story> = {
  graph: narrow({ key: '.kfnb-Dag-box[data-state="running"]', draw: drawSmall }),
  'large-graph': { key: '.kfnb-Minimap', draw: drawLarge }
};
