/** The graph of a pipeline with the current states of its steps. Python computes the layout. */

import { setText } from '../elements';
import { combineStates, ENDED_STATES, SHAPES, State, words } from '../states';
import { Translator } from '../translator';
import { Box, Frame, Graph, Line } from '../wire/api-types';
import { nextBox } from './next-box';
import { boxName, boxNote, boxPlace, surroundings } from './surroundings';
import { svgElement } from './svg-elements';

export const MARGIN = 8; // pixels around the graph
const MAX_NOTE_LENGTH = 48; // characters of a note
const MANY = 150; // boxes that are kept on the page wherever they are
const LEAST_READABLE = 0.35; // the scale below which no text is drawn: its letters would be three pixels high
const CHARACTER_WIDTH = 6.3; // average width of a character of a note in pixels

/** What a box shows of a step. */
export interface BoxProgress {
  state: State;
  reason: string | null;
  iterations: number;
  endedIterations: number;
  /** How far a running step says it is. */
  percent?: number | null;
}

/** What happens when a box or the head of a frame is pressed. */
export interface GraphActions {
  onStep(step: string): void;
  /** Folds a frame, or unfolds it again. Without it frames cannot be folded. */
  onFold?(frame: string): void;
}

interface DrawnBox {
  box: Box;
  group: SVGGElement;
  reason: string;
  bar: SVGElement | null;
  name: SVGElement;
  /** What the step alone stands in, between its name and its state; null where it stands in nothing. */
  around: SVGElement | null;
  note: SVGElement;
  shown: string;
}

export class GraphView {
  readonly node: SVGSVGElement = svgElement('svg', { class: 'kfnb-Dag', role: 'group' });

  constructor(
    private readonly _trans: Translator,
    private readonly _actions: GraphActions
  ) {
    this._words = words(_trans);
    this.node.setAttribute('aria-label', _trans.__('Graph of the pipeline'));
    this.node.addEventListener('click', event => this._press(event));
    this.node.addEventListener('keydown', event => this._onKey(event));
    this.node.addEventListener('focusin', event => this._onFocus(event));
    this.node.addEventListener('pointerover', event => this._showTip(event));
  }

  /** The names of the steps that are drawn, also those in folded frames. */
  get steps(): string[] {
    return [...this._homes.keys()];
  }

  /** The box that a step stands in: its own, or that of a folded frame. */
  boxOf(step: string): Box | null {
    return this._boxes.get(this._homes.get(step) ?? step)?.box ?? null;
  }

  /** The state that a box shows; empty without one. */
  stateOf(box: string): State | '' {
    return (this._boxes.get(box)?.group.dataset.state ?? '') as State | '';
  }

  /** Draws a graph; its steps have no state yet. */
  draw(graph: Graph): void {
    this._graph = graph;
    const [width, height] = [graph.width + 2 * MARGIN, graph.height + 2 * MARGIN];
    this.node.setAttribute('viewBox', `${-MARGIN} ${-MARGIN} ${width} ${height}`);
    this.node.classList.toggle('kfnb-mod-far', graph.boxes.length > MANY); // until the scale is known: texts are dear
    this._boxes.clear();
    this._tips.clear();
    this._progress.clear();
    this._chosen = '';
    this._homes = new Map(
      graph.boxes.flatMap(box => (box.steps.length ? box.steps : [box.step]).map(s => [s, box.step]))
    );
    const focused = this.node.contains(document.activeElement) ? placeOf(document.activeElement) : undefined;
    this.node.replaceChildren(
      ...graph.lines.map(line => this._line(line)),
      ...graph.frames.map(frame => this._frame(frame)), // their words are above the lines
      ...graph.boxes.map(box => this._box(box))
    );
    this._reach(this._boxes.has(this._reached) ? this._reached : (graph.boxes[0]?.step ?? ''));
    if (focused !== undefined) {
      this._focusAgain(focused);
    }
  }

  /** Shows the state of a step; null shows none. A folded frame shows the sum of its steps' states. */
  show(step: string, progress: BoxProgress | null, chosen = false): void {
    const drawn = this._boxes.get(this._homes.get(step) ?? '');
    if (drawn?.box.steps.length) {
      this._progress.set(step, progress?.state ?? null);
      this._chosen = chosen ? step : this._chosen === step ? '' : this._chosen;
      this._showBox(drawn, this._sum(drawn.box), drawn.box.steps.includes(this._chosen));
    } else if (drawn) {
      this._showBox(drawn, progress, chosen);
    }
  }

  /**
   * Takes from the page what is not in sight, because a browser lays out a thousand boxes for each change otherwise: the
   * boxes of a large graph outside of a part, and all texts at a scale at which nobody reads them.
   */
  cull(part: { x: number; y: number; width: number; height: number }, scale: number): void {
    this.node.classList.toggle('kfnb-mod-far', scale < LEAST_READABLE);
    if (this._boxes.size <= MANY) {
      return;
    }
    for (const { box, group } of this._boxes.values()) {
      const isOutside =
        box.x > part.x + part.width ||
        box.x + box.width < part.x ||
        box.y > part.y + part.height ||
        box.y + box.height < part.y;
      if (isOutside !== (group.style.display === 'none')) {
        group.style.display = isOutside ? 'none' : '';
      }
    }
  }

  /** Marks the boxes that a search has found. */
  mark(found: ReadonlySet<string>): void {
    for (const [name, { group }] of this._boxes) {
      group.classList.toggle('kfnb-mod-found', found.has(name));
    }
  }

  /** Moves the keyboard's focus to a box. */
  focus(box: string): void {
    const group = this._boxes.get(box)?.group;
    if (group) {
      group.style.display = ''; // what is not on the page takes no focus
      group.focus();
    }
  }

  /** After the graph was drawn anew: a box keeps the focus, and so does the head of a frame that has become a box, or again a frame. */
  private _focusAgain(place: string): void {
    const heads = [...this.node.querySelectorAll<SVGElement>('[data-fold]')];
    const now = this._boxes.get(place)?.group ?? heads.find(head => head.dataset.fold === place);
    now?.focus({ preventScroll: true });
  }

  private _showBox(drawn: DrawnBox, progress: BoxProgress | null, chosen: boolean): void {
    const { box, group, note } = drawn;
    const { state = '', reason = '', iterations = 0, endedIterations = 0, percent = null } = progress ?? {};
    const key = JSON.stringify([state, reason, iterations, endedIterations, percent, chosen]);
    if (key === drawn.shown) {
      return; // the page is not laid out for nothing
    }
    drawn.shown = key;
    const [name, items] = [state && this._words[state], iterations ? `${endedIterations}/${iterations}` : ''];
    const word = [name, items].filter(Boolean).join(' ');
    const fits = (word.length + 3) * CHARACTER_WIDTH < box.width;
    group.dataset.state = state;
    const about = this._about(box);
    // what is seen stands in what is said, in one piece
    const said = [boxNote(box, this._trans), fits ? word : [items, name].filter(Boolean).join(' ')];
    group.setAttribute('aria-label', nameOf(boxName(box, this._trans), ...(state ? said : [about])));
    group.classList.toggle('kfnb-mod-chosen', chosen);
    setText(note, state ? `${SHAPES[state]} ${fits ? word : items}` : about);
    if (drawn.around) {
      placeRows(drawn, state !== '');
    }
    drawn.reason = reason ?? '';
    if (percent !== null || drawn.bar) {
      drawn.bar ??= percentBar(drawn);
      drawn.bar.setAttribute('width', String(percent === null ? 0 : ((box.width - 16) * percent) / 100));
    }
  }

  private _sum(box: Box): BoxProgress | null {
    const states = box.steps.map(step => this._progress.get(step) ?? null).filter(state => state !== null);
    const ended = states.filter(state => ENDED_STATES.has(state)).length;
    return states.length
      ? { state: combineStates(states), reason: null, iterations: box.steps.length, endedIterations: ended }
      : null;
  }

  private _box(box: Box): SVGGElement {
    const { x, y, width, height, step } = box;
    const middle = x + width / 2;
    const [label, about, stands] = [boxName(box, this._trans), this._about(box), boxNote(box, this._trans)];
    const group = svgElement('g', {
      class: 'kfnb-Dag-box', 'data-kind': box.kind, 'data-step': step, 'data-state': '', 'aria-label': nameOf(label, about), tabindex: -1, role: 'button'
    }); // prettier-ignore
    group.classList.toggle('kfnb-mod-folded', box.steps.length > 0);
    const note = svgElement('text', { class: 'kfnb-Dag-note', x: middle }, about);
    const name = svgElement('text', { class: 'kfnb-Dag-name', x: middle }, truncate(label));
    const around = stands ? svgElement('text', { class: 'kfnb-Dag-note', x: middle }, `${truncate(stands)} `) : null;
    group.append(svgElement('rect', { class: 'kfnb-Dag-rect', x, y, width, height, rx: 8 }), name, ' ', note); // the space is for who reads the words aloud
    const drawn: DrawnBox = { box, group, reason: '', bar: null, name, around, note, shown: '' };
    placeRows(drawn, false);
    this._boxes.set(step, drawn);
    const words = [label, stands, boxPlace(box, this._trans)];
    this._tips.set(group, () => [...words, drawn.reason].filter(Boolean).join(' · '));
    return group;
  }

  /** What stands below the name of a step without a state. */
  private _about(box: Box): string {
    return truncate(boxNote(box, this._trans)) || boxPlace(box, this._trans);
  }

  private _frame(frame: Frame): SVGElement {
    const { x, y, width, height } = frame;
    const name = surroundings(frame, this._trans);
    const group = svgElement('g', { class: 'kfnb-Dag-frame', 'data-kind': frame.kind });
    group.append(svgElement('rect', { x, y, width, height, rx: 8 }));
    this._tips.set(group, () => name);
    const head = svgElement('text', { x: x + 10, y: y + 16 }, truncate(name));
    if (this._actions.onFold) {
      head.textContent = `▾ ${truncate(name)}`;
      const label = this._trans.__('Fold %1', name);
      for (const [attribute, value] of Object.entries({
        'data-fold': frame.id,
        role: 'button',
        tabindex: '0',
        'aria-label': label
      })) {
        head.setAttribute(attribute, value);
      }
    }
    group.append(head);
    return group;
  }

  private _line({ points, why }: Line): SVGElement {
    const [x, y] = points[points.length - 1];
    const arrow = `M${x - 4},${y - 7}L${x},${y - 1}L${x + 4},${y - 7}`;
    const path = svgElement('path', { class: 'kfnb-Dag-line', d: pathOf(points) + arrow });
    this._tips.set(path, () => why);
    return path;
  }

  /** The words for what is under the pointer are made when it is there, because a thousand boxes would have a thousand. */
  private _showTip(event: Event): void {
    const part = (event.target as Element).closest('.kfnb-Dag-box, .kfnb-Dag-line, .kfnb-Dag-frame');
    const tip = part && this._tips.get(part)?.();
    if (part && tip) {
      const title = part.querySelector(':scope > title') ?? part.appendChild(svgElement('title', {}));
      setText(title, tip);
    }
  }

  private _press(event: Event): void {
    const target = event.target as Element;
    const frame = target.closest<SVGElement>('[data-fold]')?.dataset.fold;
    const step = target.closest<SVGElement>('.kfnb-Dag-box')?.dataset.step;
    if (frame !== undefined || (step !== undefined && this._boxes.get(step)?.box.steps.length)) {
      this._actions.onFold?.(frame ?? step ?? '');
    } else if (step !== undefined) {
      this._actions.onStep(step);
    }
  }

  private _onKey(event: KeyboardEvent): void {
    const step = (event.target as Element).closest<SVGElement>('.kfnb-Dag-box')?.dataset.step;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      event.stopPropagation();
      this._press(event);
    } else if (step !== undefined && event.key.startsWith('Arrow') && this._graph) {
      event.preventDefault();
      event.stopPropagation();
      this.focus(nextBox(this._graph.boxes, step, event.key)?.step ?? step);
    }
  }

  private _onFocus(event: FocusEvent): void {
    const step = (event.target as Element).closest<SVGElement>('.kfnb-Dag-box')?.dataset.step;
    if (step !== undefined) {
      this._reach(step);
    }
  }

  /** The Tab key reaches one box only; the arrows lead to the others. */
  private _reach(box: string): void {
    this._boxes.get(this._reached)?.group.setAttribute('tabindex', '-1');
    this._boxes.get(box)?.group.setAttribute('tabindex', '0');
    this._reached = box;
  }

  private readonly _words: Record<State, string>;
  private readonly _boxes = new Map<string, DrawnBox>();
  private readonly _tips = new Map<Element, () => string>();
  private readonly _progress = new Map<string, State | null>(); // of steps in folded frames
  private _chosen = ''; // the chosen step, where it is in a folded frame
  private _homes = new Map<string, string>(); // the box of each step
  private _reached = '';
  private _graph: Graph | null = null;
}

/** Puts the rows of a box around its middle. What the step stands in has a row of its own as soon as there is a state below. */
function placeRows({ box, group, name, around, note }: DrawnBox, hasState: boolean): void {
  if (around && hasState && !around.parentNode) {
    group.insertBefore(around, note);
  } else if (!hasState) {
    around?.remove();
  }
  const rows = around && hasState ? [name, around, note] : [name, note];
  const [first, apart] = rows.length > 2 ? [-9.5, 13] : [-3, 17];
  rows.forEach((row, at) => row.setAttribute('y', String(box.y + box.height / 2 + first + apart * at)));
}

function percentBar({ box, group, note }: DrawnBox): SVGElement {
  const [x, y] = [box.x + 8, box.y + box.height - 4];
  const bar = svgElement('rect', { class: 'kfnb-Dag-percent', x, y, width: 0, height: 4 });
  group.insertBefore(bar, note);
  return bar;
}

/** What an element of the graph stands for: a step, or a frame by its id. */
function placeOf(node: Element | null): string | undefined {
  const part = node?.closest<SVGElement>('[data-fold], .kfnb-Dag-box');
  return part?.dataset.fold ?? part?.dataset.step;
}

/** What a screen reader says of a box: its words, and those below them. */
function nameOf(label: string, ...about: string[]): string {
  return [label, ...about].filter(Boolean).join(': ');
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
