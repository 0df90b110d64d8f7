/** A window onto the graph of a pipeline: zoom, pan, fit, a search for steps, and a small picture of the whole. */

import { button, element, setText } from '../elements';
import { Translator } from '../translator';
import { Box, Graph } from '../wire/api-types';
import { BoxProgress, GraphActions, GraphView, MARGIN } from './graph-view';
import { Minimap } from './minimap';
import { boxName, boxNote } from './surroundings';
import { fit, fitWidth, pan, resized, reveal, scroll, Shape, Size, Viewport, zoom } from './viewport';

const ZOOM_STEP = 1.25;
const PAN_STEP = 60; // pixels of the screen for each press of an arrow key
const DRAG_BEGINS = 4; // pixels; a press that moves less is a click
const WHEEL_SPEED = 0.0025;
const WHEEL_LINE = 16; // pixels, where a wheel counts in lines
const LEAST_HEIGHT = 260; // pixels in a column, of a graph that is not lower itself: room to read a part of it
const BORDERS = 2; // pixels above and below together
const FEW = 12; // boxes that one finds without a search

const UNKNOWN: Size = { width: 1, height: 1 }; // before the first layout

export class GraphCanvas {
  readonly node = element('div', 'kfnb-Canvas');

  constructor(
    private readonly _trans: Translator,
    actions: GraphActions,
    private readonly _shape: Shape = 'window'
  ) {
    this.node.dataset.shape = _shape;
    this._bar = this._toolbar();
    this._view = new GraphView(_trans, actions);
    this._minimap = new Minimap(_shape, place => this._centre(place));
    this._window.append(this._view.node, this._minimap.node);
    this._window.tabIndex = 0;
    this._window.setAttribute('role', 'group');
    this._window.setAttribute('aria-label', _trans.__('Graph: plus and minus zoom, 0 fits, the arrows move'));
    this.node.append(this._bar, this._window);
    this._window.addEventListener('keydown', event => this._onKey(event));
    this._window.addEventListener('wheel', event => this._onWheel(event), { passive: false });
    this._window.addEventListener('pointerdown', event => this._onPointerDown(event));
    this._view.node.addEventListener('focusin', event => this._onFocus(event));
    this._observer = new ResizeObserver(entries => this._onResize(entries[entries.length - 1].contentRect));
    this._observer.observe(this._window);
  }

  dispose(): void {
    this._observer.disconnect();
    this._minimap.dispose();
    this.node.remove();
  }

  get steps(): string[] {
    return this._view.steps;
  }

  /** Draws a graph. Another form of the one before, edited or with other folds, keeps the zoom. */
  draw(graph: Graph): void {
    this._graph = graph;
    this._view.draw(graph);
    this._minimap.draw(graph);
    this._find();
    this._showCount();
    if (this._shape === 'column') {
      const { width, height } = this._padded;
      this._window.style.height = `min(${height + BORDERS}px, max(${LEAST_HEIGHT}px, 100cqw * ${height / width} + 4px), 55vh)`;
    }
    this._refit();
  }

  /** Shows the state of a step; null shows none. */
  show(step: string, progress: BoxProgress | null, chosen = false): void {
    this._view.show(step, progress, chosen);
    const box = this._view.boxOf(step);
    if (box) {
      this._minimap.show(box.step, this._view.stateOf(box.step));
    }
  }

  fit(): void {
    this._fitted = true;
    this._apply(this._whole);
  }

  /** Brings a step into sight. */
  reveal(step: string): void {
    const box = this._view.boxOf(step);
    if (box) {
      this._toBox(box);
    }
  }

  // ------------------------------------------------------------------ toolbar
  private _toolbar(): HTMLElement {
    const trans = this._trans;
    const bar = element('div', 'kfnb-Canvas-bar');
    bar.setAttribute('role', 'toolbar');
    bar.setAttribute('aria-label', trans.__('Graph'));
    this._field.type = 'search';
    this._field.placeholder = trans.__('Find a step');
    this._field.setAttribute('aria-label', trans.__('Find a step'));
    this._field.addEventListener('input', () => {
      this._find();
      this._showFound();
    });
    this._field.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.key === 'Enter' && this._found.length) {
        this._at = (this._at + (event.shiftKey ? this._found.length - 1 : 1)) % this._found.length;
        this._showFound();
      }
    });
    this._count.setAttribute('aria-live', 'polite'); // the page around it has a status of its own
    bar.append(
      button('kfnb-Canvas-button', trans.__('Smaller'), '−', () => this._zoomMiddle(1 / ZOOM_STEP)),
      this._percent,
      button('kfnb-Canvas-button', trans.__('Larger'), '+', () => this._zoomMiddle(ZOOM_STEP)),
      button('kfnb-Canvas-button', trans.__('Fit the whole graph'), trans.__('Fit'), () => this.fit()),
      this._field,
      this._count
    );
    return bar;
  }

  private _find(): void {
    const query = this._field.value.trim().toLowerCase();
    const boxes = query ? (this._graph?.boxes ?? []) : [];
    this._found = boxes.filter(box =>
      [boxName(box, this._trans), boxNote(box, this._trans), box.step, ...box.steps].some(text =>
        text.toLowerCase().includes(query)
      )
    );
    this._view.mark(new Set(this._found.map(box => box.step)));
    this._at = 0;
  }

  private _showFound(): void {
    this._showCount();
    if (this._found.length) {
      this._toBox(this._found[this._at]);
    }
  }

  private _showCount(): void {
    const { length } = this._found;
    const none = this._field.value.trim() ? this._trans.__('no step') : '';
    setText(this._count, length ? this._trans.__('%1 of %2', this._at + 1, length) : none);
  }

  // ------------------------------------------------------------------ keyboard, wheel, pointer
  private _onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === this._field) {
      return;
    }
    const act = {
      '+': () => this._zoomMiddle(ZOOM_STEP),
      '=': () => this._zoomMiddle(ZOOM_STEP),
      '-': () => this._zoomMiddle(1 / ZOOM_STEP),
      '0': () => this.fit(),
      ArrowLeft: () => this._pan(-PAN_STEP, 0),
      ArrowRight: () => this._pan(PAN_STEP, 0),
      ArrowUp: () => this._pan(0, -PAN_STEP),
      ArrowDown: () => this._pan(0, PAN_STEP)
    }[event.key];
    if (act) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  }

  /** With Ctrl it zooms. Else it moves the graph, and at the graph's end the page around it. */
  private _onWheel(event: WheelEvent): void {
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE : 1;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const { left, top } = this._window.getBoundingClientRect();
      this._zoom(Math.exp(-event.deltaY * unit * WHEEL_SPEED), { x: event.clientX - left, y: event.clientY - top });
      return;
    }
    const from = moved(this._viewport, MARGIN);
    const to = scroll(from, event.deltaX * unit, event.deltaY * unit, this._padded, this._windowSize);
    if (to !== from) {
      event.preventDefault();
      this._fitted = false;
      this._apply(moved(to, -MARGIN));
    }
  }

  private _onPointerDown(event: PointerEvent): void {
    if (event.button !== 0 || this._minimap.node.contains(event.target as Node)) {
      return;
    }
    let [x, y, dragged] = [event.clientX, event.clientY, false];
    const move = (moved: PointerEvent) => {
      if (dragged || Math.hypot(moved.clientX - x, moved.clientY - y) >= DRAG_BEGINS) {
        dragged = true;
        this._window.classList.add('kfnb-mod-dragged');
        this._pan(x - moved.clientX, y - moved.clientY);
        [x, y] = [moved.clientX, moved.clientY];
      }
    };
    const end = () => {
      window.removeEventListener('pointermove', move);
      window.removeEventListener('pointerup', end);
      window.removeEventListener('pointercancel', end);
      this._window.classList.remove('kfnb-mod-dragged');
      if (dragged) {
        // the browser still takes the drag for a click on the box under the pointer
        this._window.addEventListener('click', stop, { capture: true, once: true });
        window.setTimeout(() => this._window.removeEventListener('click', stop, { capture: true }));
      }
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
  }

  private _onFocus(event: FocusEvent): void {
    const step = (event.target as Element).closest<SVGElement>('.kfnb-Dag-box')?.dataset.step;
    const box = step === undefined ? null : this._view.boxOf(step);
    if (box && (event.target as Element).matches(':focus-visible')) {
      this._toBox(box);
    }
  }

  private _onResize({ width, height }: Size): void {
    if (width > 0 && height > 0) {
      this._viewport = resized(this._viewport, this._windowSize, { width, height });
      this._windowSize = { width, height };
      this._minimap.fit(this._windowSize);
      this._refit();
    }
  }

  // ------------------------------------------------------------------ what is in sight
  private get _size(): Size {
    const { width = 1, height = 1 } = this._graph ?? {};
    return { width, height };
  }

  /** The graph with the margin around it. */
  private get _padded(): Size {
    const { width, height } = this._size;
    return { width: width + 2 * MARGIN, height: height + 2 * MARGIN };
  }

  private get _whole(): Viewport {
    const fitted = this._shape === 'column' ? fitWidth : fit;
    return moved(fitted(this._padded, this._windowSize), -MARGIN);
  }

  /** After a change of the window or of the graph: the whole, unless the user has chosen another part. */
  private _refit(): void {
    if (this._windowSize === UNKNOWN || !this._graph) {
      return; // the observer tells the size after the first layout; asking for it would lay out the page twice
    }
    const { scale } = this._whole;
    const isSmall = scale === 1 && this._padded.height < this._windowSize.height + 1 && this._graph.boxes.length <= FEW;
    this._bar.hidden = this._shape === 'column' && isSmall;
    this._apply(this._fitted ? this._whole : pan(this._viewport, 0, 0, this._size, this._windowSize));
  }

  private _zoomMiddle(factor: number): void {
    const { width, height } = this._windowSize;
    this._zoom(factor, { x: width / 2, y: height / 2 });
  }

  private _zoom(factor: number, at: { x: number; y: number }): void {
    this._fitted = false;
    this._apply(zoom(this._viewport, factor, at));
  }

  private _pan(dx: number, dy: number): void {
    this._fitted = false;
    this._apply(pan(this._viewport, dx, dy, this._size, this._windowSize));
  }

  private _toBox(box: Box): void {
    const graph = { x: -MARGIN, y: -MARGIN, ...this._padded };
    const next = reveal(this._viewport, box, graph, this._windowSize);
    if (next !== this._viewport) {
      this._fitted = false;
      this._apply(next);
    }
  }

  private _centre(place: { x: number; y: number }): void {
    const { width, height } = this._windowSize;
    const { scale } = this._viewport;
    this._fitted = false;
    this._apply({ x: place.x - width / scale / 2, y: place.y - height / scale / 2, scale });
  }

  private _apply(viewport: Viewport): void {
    this._viewport = viewport;
    const { x, y, scale } = viewport;
    const [width, height] = [this._windowSize.width / scale, this._windowSize.height / scale];
    this._view.node.setAttribute('viewBox', `${x} ${y} ${width} ${height}`);
    this._view.cull({ x, y, width, height }, scale);
    this._minimap.frame({ x, y, width, height });
    setText(this._percent, `${Math.round(100 * scale)} %`);
  }

  private readonly _bar: HTMLElement;
  private readonly _view: GraphView;
  private readonly _minimap: Minimap;
  private readonly _window = element('div', 'kfnb-Canvas-window');
  private readonly _field = element('input', 'kfnb-Canvas-search');
  private readonly _count = element('span', 'kfnb-Canvas-count');
  private readonly _percent = element('span', 'kfnb-Canvas-percent');
  private readonly _observer: ResizeObserver;
  private _graph: Graph | null = null;
  private _windowSize: Size = UNKNOWN;
  private _viewport: Viewport = { x: -MARGIN, y: -MARGIN, scale: 1 };
  private _fitted = true;
  private _found: Box[] = [];
  private _at = 0;
}

function moved(viewport: Viewport, by: number): Viewport {
  return { x: viewport.x + by, y: viewport.y + by, scale: viewport.scale };
}

function stop(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
