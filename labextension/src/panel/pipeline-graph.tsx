/** The graph of a pipeline with the current states of its steps. The server computes the layout. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { StepProgress } from '../session/run-progress';
import { SHAPES, words } from '../common/states';
import { Box, Frame, Graph, Line } from '../server/api-types';

const MARGIN = 8;
const MAX_NOTE_LENGTH = 48; // characters of a note
const CHARACTER_WIDTH = 5.7; // average width of a character of a note in pixels
const MIN_SCALE = 0.7; // the graph shrinks to this part of its size, then it scrolls

interface PipelineGraphProps {
  graph: Graph;
  progress: (step: string) => StepProgress | null;
  onStep: (step: string) => void;
  trans: TranslationBundle;
}

export function PipelineGraph({ graph, progress, onStep, trans }: PipelineGraphProps): React.JSX.Element {
  const width = graph.width + 2 * MARGIN;
  const height = graph.height + 2 * MARGIN;
  return (
    <svg
      className="kfnb-Dag"
      role="group"
      aria-label={trans.__('Graph of the pipeline')}
      viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}
      style={{ maxWidth: width, minWidth: MIN_SCALE * width }}
    >
      {graph.frames.map((frame, at) => (
        <FrameView key={at} frame={frame} />
      ))}
      {graph.lines.map((line, at) => (
        <LineView key={at} line={line} />
      ))}
      {graph.boxes.map(box => (
        <BoxView key={box.step} box={box} progress={progress(box.step)} onStep={onStep} trans={trans} />
      ))}
    </svg>
  );
}

const FrameView = React.memo(function FrameView({ frame }: { frame: Frame }): React.JSX.Element {
  return (
    <g className="kfnb-Dag-frame" data-kind={frame.kind}>
      <title>{frame.label}</title>
      <rect x={frame.x} y={frame.y} width={frame.width} height={frame.height} rx={8} />
      <text x={frame.x + 10} y={frame.y + 16}>
        {truncate(frame.label)}
      </text>
    </g>
  );
});

const LineView = React.memo(function LineView({ line }: { line: Line }): React.JSX.Element {
  const [x, y] = line.points[line.points.length - 1];
  return (
    <g className="kfnb-Dag-line">
      <title>{line.why}</title>
      <path d={pathOf(line.points)} />
      <path d={`M${x - 4},${y - 7}L${x},${y - 1}L${x + 4},${y - 7}`} />
    </g>
  );
});

interface BoxProps {
  box: Box;
  progress: StepProgress | null;
  onStep: (step: string) => void;
  trans: TranslationBundle;
}

const BoxView = React.memo(function BoxView({ box, progress, onStep, trans }: BoxProps): React.JSX.Element {
  const state = progress?.state ?? null;
  const word = state ? words(trans)[state] : '';
  const items = progress?.iterations ? ` ${progress.finishedIterations}/${progress.iterations}` : '';
  const fullText = `${word}${items}`;
  const fits = (fullText.length + 3) * CHARACTER_WIDTH < box.width;
  const note = state ? `${SHAPES[state]} ${fits ? fullText : items.trim()}` : truncate(box.note) || box.where;
  const middle = box.x + box.width / 2;
  return (
    <g
      className="kfnb-Dag-box"
      data-state={state ?? ''}
      data-kind={box.kind}
      data-step={box.step}
      tabIndex={0}
      role="button"
      aria-label={word ? `${box.step}: ${word}` : box.step}
      onClick={() => onStep(box.step)}
      onKeyDown={event => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          onStep(box.step);
        }
      }}
    >
      <title>{[box.step, box.note, box.where, progress?.reason].filter(Boolean).join(' · ')}</title>
      <rect x={box.x} y={box.y} width={box.width} height={box.height} rx={8} />
      <text className="kfnb-Dag-name" x={middle} y={box.y + box.height / 2 - 3}>
        {box.step}
      </text>
      <text className="kfnb-Dag-note" x={middle} y={box.y + box.height / 2 + 14}>
        {note}
      </text>
    </g>
  );
});

function truncate(text: string): string {
  return text.length > MAX_NOTE_LENGTH ? `${text.slice(0, MAX_NOTE_LENGTH - 1)}…` : text;
}

/** The SVG path of a curve through the points that leaves and enters boxes vertically. */
export function pathOf(points: [number, number][]): string {
  let path = `M${points[0][0]},${points[0][1]}`;
  for (let at = 1; at < points.length; at++) {
    const [x0, y0] = points[at - 1];
    const [x1, y1] = points[at];
    const middle = (y0 + y1) / 2;
    path += `C${x0},${middle} ${x1},${middle} ${x1},${y1}`;
  }
  return path;
}
