/** The graph of a pipeline: in a window, in a column, and so large that a part of it is in sight. */

import { GraphCanvas, Shape } from '@kfnb/core/graph/graph-canvas';
import { progressByStep } from '@kfnb/core/run/run-progress';
import { State, STATE_PRIORITY } from '@kfnb/core/states';
import { Graph } from '@kfnb/core/wire/api-types';
import { largeGraph, smallGraph } from './fixtures/graph-fixtures';
import { RUN } from './fixtures/run-fixtures';
import { ignore, laidOut, Story, TRANS, type } from './story';

const SHOWN_PERCENT = 40;

function canvasIn(place: HTMLElement, graph: Graph, shape: Shape): GraphCanvas {
  place.className = `jp-ThemedContainer story-${shape}`;
  const canvas = new GraphCanvas(TRANS, { onStep: ignore, onFold: ignore }, shape);
  place.append(canvas.node);
  canvas.draw(graph);
  return canvas;
}

function drawSmall(place: HTMLElement, shape: Shape): void {
  const canvas = canvasIn(place, smallGraph(), shape);
  for (const [name, progress] of progressByStep(RUN)) {
    const percent = progress.state === 'running' ? SHOWN_PERCENT : null;
    canvas.show(name, { ...progress, percent }, name === 'explain');
  }
}

async function drawLarge(place: HTMLElement): Promise<void> {
  const canvas = canvasIn(place, largeGraph(25, 8), 'window');
  canvas.steps.forEach((name, at) => {
    const state: State = at < 120 ? 'succeeded' : STATE_PRIORITY[at % STATE_PRIORITY.length];
    canvas.show(name, { state, reason: null, iterations: 0, finishedIterations: 0 });
  });
  await laidOut();
  type(canvas.node.querySelector('input')!, 'store-17');
}

export const GRAPH_STORIES: Record<string, Story> = {
  graph: { key: '.kfnb-Dag-box[data-state="running"]', draw: place => drawSmall(place, 'window') },
  'graph-in-a-column': { key: '.kfnb-Dag-box[data-state="failed"]', draw: place => drawSmall(place, 'column') },
  'large-graph': { key: '.kfnb-Minimap', draw: drawLarge }
};
