/** The graph of a pipeline with the current states of its steps. Python computes the layout. */

import { setText } from '../elements';
import { SHAPES, State, words } from '../states';
import { Translator } from '../translator';
import { Box, Frame, Graph, Line } from '../wire/api-types';
import { svgElement } from './svg-elements';

export const MARGIN = 8; // pixels around the graph
const MAX_NOTE_LENGTH = 48; // characters of a note
const CHARACTER_WIDTH = 5.7; // average width of a character of a note in pixels

/** What a box shows of a step. */
export interface BoxProgress {
  state: State;
  reason: string | null;
  iterations: number;
  finishedIterations: number;
  /** How far a running step says it is. */
  percent?: number | null;
}

interface DrawnBox {
  box: Box;
  group: SVGGElement;
  title: SVGElement;
  bar: SVGElement;
  note: SVGElement;
  shown: string;
}

export class GraphView {
  readonly node: SVGSVGElement = svgElement('svg', { class: 'kfnb-Dag', role: 'group' });

  constructor(
    trans: Translator,
    private readonly _onStep: (step: string) => void
  ) {
    this._words = words(trans);
    this.node.setAttribute('aria-label', trans.__('Graph of the pipeline'));
  }

  get graph(): Graph | null {
    return this._graph;
  }

  /** The names of the steps that are drawn. */
  get steps(): string[] {
    return [...this._boxes.keys()];
  }

  /** Draws a graph; its steps have no state yet. */
  draw(graph: Graph): void {
    this._graph = graph;
    const [width, height] = [graph.width + 2 * MARGIN, graph.height + 2 * MARGIN];
    this.node.setAttribute('viewBox', `${-MARGIN} ${-MARGIN} ${width} ${height}`);
    this._boxes.clear();
    this.node.replaceChildren(
      ...graph.frames.map(drawnFrame),
      ...graph.lines.map(drawnLine),
      ...graph.boxes.map(box => this._box(box))
    );
  }

  /** Shows the state of a step; null shows none. */
  show(step: string, progress: BoxProgress | null, chosen = false): void {
    const drawn = this._boxes.get(step);
    if (!drawn) {
      return;
    }
    const { box, group, title, bar, note } = drawn;
    const { state = '', reason = '', iterations = 0, finishedIterations = 0, percent = null } = progress ?? {};
    const key = JSON.stringify([state, reason, iterations, finishedIterations, percent, chosen]);
    if (key === drawn.shown) {
      return; // the page is not laid out for nothing
    }
    drawn.shown = key;
    const items = iterations ? ` ${finishedIterations}/${iterations}` : '';
    const word = state ? `${this._words[state]}${items}` : '';
    const fits = (word.length + 3) * CHARACTER_WIDTH < box.width;
    group.dataset.state = state;
    group.setAttribute('aria-label', word ? `${step}: ${word}` : step);
    group.classList.toggle('kfnb-mod-chosen', chosen);
    setText(note, state ? `${SHAPES[state]} ${fits ? word : items.trim()}` : truncate(box.note) || box.where);
    setText(title, [step, box.note, box.where, reason].filter(Boolean).join(' · '));
    bar.setAttribute('width', String(percent === null ? 0 : ((box.width - 16) * percent) / 100));
  }

  private _box(box: Box): SVGGElement {
    const { x, y, width, height, step } = box;
    const [middle, centre] = [x + width / 2, y + height / 2];
    const group = svgElement('g', {
      class: 'kfnb-Dag-box', 'data-kind': box.kind, 'data-step': step, 'data-state': '', 'aria-label': step, tabindex: 0, role: 'button'
    }); // prettier-ignore
    const title = svgElement('title', {}, [step, box.note, box.where].filter(Boolean).join(' · '));
    const bar = svgElement('rect', { class: 'kfnb-Dag-percent', x: x + 8, y: y + height - 4, width: 0, height: 4 });
    const note = svgElement(
      'text',
      { class: 'kfnb-Dag-note', x: middle, y: centre + 14 },
      truncate(box.note) || box.where
    );
    const name = svgElement('text', { class: 'kfnb-Dag-name', x: middle, y: centre - 3 }, step);
    group.append(title, svgElement('rect', { class: 'kfnb-Dag-rect', x, y, width, height, rx: 8 }), bar, name, note);
    group.addEventListener('click', () => this._onStep(step));
    group.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        event.stopPropagation();
        this._onStep(step);
      }
    });
    this._boxes.set(step, { box, group, title, bar, note, shown: '' });
    return group;
  }

  private readonly _words: Record<State, string>;
  private readonly _boxes = new Map<string, DrawnBox>();
  private _graph: Graph | null = null;
}

function drawnFrame(frame: Frame): SVGElement {
  const { x, y, width, height } = frame;
  const group = svgElement('g', { class: 'kfnb-Dag-frame', 'data-kind': frame.kind });
  group.append(
    svgElement('title', {}, frame.label),
    svgElement('rect', { x, y, width, height, rx: 8 }),
    svgElement('text', { x: x + 10, y: y + 16 }, truncate(frame.label))
  );
  return group;
}

function drawnLine(line: Line): SVGElement {
  const [x, y] = line.points[line.points.length - 1];
  const group = svgElement('g', { class: 'kfnb-Dag-line' });
  group.append(
    svgElement('title', {}, line.why),
    svgElement('path', { d: pathOf(line.points) }),
    svgElement('path', { d: `M${x - 4},${y - 7}L${x},${y - 1}L${x + 4},${y - 7}` })
  );
  return group;
}

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
