/** A window onto the graph of a pipeline: zoom, pan, fit, a search for steps, and a small picture of the whole. */

import { button, element, setText } from '../elements';
import { Translator } from '../translator';
import { Box, Graph } from '../wire/api-types';
import { BoxProgress, GraphActions, GraphView, MARGIN } from './graph-view';
import { Minimap } from './minimap';
import { fit, pan, reveal, Size, Viewport, zoom } from './viewport';

const ZOOM_STEP = 1.25;
const PAN_STEP = 60; // pixels of the screen for each press of an arrow key
const DRAG_BEGINS = 4; // pixels; a press that moves less is a click
const WHEEL_SPEED = 0.0025;

export class GraphCanvas {
  readonly node = element('div', 'kfnb-Canvas');

  constructor(
    private readonly _trans: Translator,
    actions: GraphActions
  ) {
    this._view = new GraphView(_trans, actions);
    this._minimap = new Minimap(place => this._centre(place));
    this._window.append(this._view.node, this._minimap.node);
    this._window.tabIndex = 0;
    this._window.setAttribute('role', 'group');
    this._window.setAttribute('aria-label', _trans.__('Graph: plus and minus zoom, 0 fits, the arrows move'));
    this.node.append(this._toolbar(), this._window);
    this._window.addEventListener('keydown', event => this._onKey(event));
    this._window.addEventListener('wheel', event => this._onWheel(event), { passive: false });
    this._window.addEventListener('pointerdown', event => this._onPointerDown(event));
    this._view.node.addEventListener('focusin', event => this._onFocus(event));
    this._observer = new ResizeObserver(() => this._onResize());
    this._observer.observe(this._window);
  }

  dispose(): void {
    this._observer.disconnect();
    this.node.remove();
  }

  get steps(): string[] {
    return this._view.steps;
  }

  /** Draws a graph. Another one of the same run, with other folds, keeps the zoom. */
  draw(graph: Graph, keep = false): void {
    this._graph = graph;
    this._view.draw(graph);
    this._minimap.draw(graph);
    this._search();
    if (keep && !this._fitted) {
      this._apply(pan(this._viewport, 0, 0, this._size, this._windowSize));
    } else {
      this.fit();
    }
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
    const { width, height } = this._size;
    const whole = fit({ width: width + 2 * MARGIN, height: height + 2 * MARGIN }, this._windowSize);
    this._apply({ ...whole, x: whole.x - MARGIN, y: whole.y - MARGIN });
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
    this._field.addEventListener('input', () => this._search());
    this._field.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.key === 'Enter' && this._found.length) {
        this._at = (this._at + (event.shiftKey ? this._found.length - 1 : 1)) % this._found.length;
        this._showFound();
      }
    });
    this._count.setAttribute('role', 'status');
    bar.append(
      button('kfnb-Canvas-button', trans.__('Smaller'), '−', () => this._zoomMiddle(1 / ZOOM_STEP)),
      this._percent,
      button('kfnb-Canvas-button', trans.__('Larger'), '+', () => this._zoomMiddle(ZOOM_STEP)),
      button('kfnb-Canvas-button', trans.__('Show the whole graph'), trans.__('Fit'), () => this.fit()),
      this._field,
      this._count
    );
    return bar;
  }

  private _search(): void {
    const query = this._field.value.trim().toLowerCase();
    const boxes = query ? (this._graph?.boxes ?? []) : [];
    this._found = boxes.filter(box =>
      [box.label, box.step, box.note, ...box.steps].some(text => text.toLowerCase().includes(query))
    );
    this._view.mark(new Set(this._found.map(box => box.step)));
    this._at = 0;
    this._showFound();
  }

  private _showFound(): void {
    const { length } = this._found;
    const none = this._field.value.trim() ? this._trans.__('no step') : '';
    setText(this._count, length ? this._trans.__('%1 of %2', this._at + 1, length) : none);
    if (length) {
      this._toBox(this._found[this._at]);
    }
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

  private _onWheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const { left, top } = this._window.getBoundingClientRect();
      this._zoom(Math.exp(-event.deltaY * WHEEL_SPEED), { x: event.clientX - left, y: event.clientY - top });
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
      this._window.classList.remove('kfnb-mod-dragged');
      if (dragged) {
        // the browser still takes the drag for a click on the box under the pointer
        this._window.addEventListener('click', stop, { capture: true, once: true });
        window.setTimeout(() => this._window.removeEventListener('click', stop, { capture: true }));
      }
    };
    window.addEventListener('pointermove', move);
    window.addEventListener('pointerup', end, { once: true });
  }

  private _onFocus(event: FocusEvent): void {
    const step = (event.target as Element).closest<SVGElement>('.kfnb-Dag-box')?.dataset.step;
    const box = step === undefined ? null : this._view.boxOf(step);
    if (box && (event.target as Element).matches(':focus-visible')) {
      this._toBox(box);
    }
  }

  private _onResize(): void {
    if (this._fitted) {
      this.fit();
    } else {
      this._apply(this._viewport);
    }
  }

  // ------------------------------------------------------------------ what is in sight
  private get _size(): Size {
    const { width = 1, height = 1 } = this._graph ?? {};
    return { width, height };
  }

  private get _windowSize(): Size {
    return { width: Math.max(this._window.clientWidth, 1), height: Math.max(this._window.clientHeight, 1) };
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
    const next = reveal(this._viewport, box, this._windowSize);
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

  private readonly _view: GraphView;
  private readonly _minimap: Minimap;
  private readonly _window = element('div', 'kfnb-Canvas-window');
  private readonly _field = element('input', 'kfnb-Canvas-search');
  private readonly _count = element('span', 'kfnb-Canvas-count');
  private readonly _percent = element('span', 'kfnb-Canvas-percent');
  private readonly _observer: ResizeObserver;
  private _graph: Graph | null = null;
  private _viewport: Viewport = { x: -MARGIN, y: -MARGIN, scale: 1 };
  private _fitted = true;
  private _found: Box[] = [];
  private _at = 0;
}

function stop(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}
