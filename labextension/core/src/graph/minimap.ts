/** The small picture of a whole graph, with the part that is in sight. For the pointer only: the keyboard has the search and the arrows. */

import { element } from '../elements';
import { State } from '../states';
import { Graph } from '../wire/api-types';
import { Shape, Size } from './viewport';

const WIDTH = 150; // pixels at most
const HEIGHT = 110;
const SHARE = 0.35; // of the window at most
const THEME = ['data-jp-theme-name', 'data-vscode-theme-id']; // of the page's body: which colours it has
const LEAST = 2; // pixels that a box takes at least

interface Part {
  x: number;
  y: number;
  width: number;
  height: number;
}

export class Minimap {
  readonly node = element('div', 'kfnb-Minimap');

  /** In a column, where it would cover much of a graph, it is not shown while only the graph's end is out of sight. */
  constructor(
    private readonly _shape: Shape,
    private readonly _onMove: (place: { x: number; y: number }) => void
  ) {
    this.node.setAttribute('aria-hidden', 'true');
    this.node.hidden = true;
    this.node.append(this._canvas, this._frame);
    this.node.addEventListener('pointerdown', event => {
      event.preventDefault();
      event.stopPropagation();
      this.node.setPointerCapture(event.pointerId);
      this._move(event);
    });
    this.node.addEventListener('pointermove', event => {
      if (event.buttons & 1) {
        this._move(event);
      }
    });
    this._themes.observe(document.body, { attributeFilter: THEME });
  }

  dispose(): void {
    this._themes.disconnect();
  }

  draw(graph: Graph): void {
    this._graph = graph;
    this._states.clear();
    this._resize();
  }

  /** Makes it small enough for its window. */
  fit(window: Size): void {
    this._most = { width: Math.min(WIDTH, SHARE * window.width), height: Math.min(HEIGHT, SHARE * window.height) };
    this._resize();
  }

  show(box: string, state: State | ''): void {
    if ((this._states.get(box) ?? '') !== state) {
      this._states.set(box, state);
      this._drawLater();
    }
  }

  /** Shows which part of the graph is in sight. Where all of it is, nothing is shown. */
  frame(part: Part): void {
    const { width = 0, height = 0 } = this._graph ?? {};
    const [left, top] = [Math.max(0, part.x), Math.max(0, part.y)];
    const [right, bottom] = [Math.min(width, part.x + part.width), Math.min(height, part.y + part.height)];
    const isWide = right - left >= width - 1;
    const isHidden = isWide && (this._shape === 'column' || bottom - top >= height - 1);
    if (isHidden !== this.node.hidden) {
      this.node.hidden = isHidden;
      this._drawLater();
    }
    const { style } = this._frame;
    style.left = `${left * this._scale}px`;
    style.top = `${top * this._scale}px`;
    style.width = `${Math.max(4, (right - left) * this._scale)}px`;
    style.height = `${Math.max(4, (bottom - top) * this._scale)}px`;
  }

  private _resize(): void {
    const { width = 1, height = 1 } = this._graph ?? {};
    this._scale = Math.min(this._most.width / width, this._most.height / height);
    this._canvas.width = Math.max(1, width * this._scale);
    this._canvas.height = Math.max(1, height * this._scale);
    this._drawLater();
  }

  /** However many states change within a frame, the picture is drawn once; not at all where nobody sees it. */
  private _drawLater(): void {
    if (!this._waiting && !this.node.hidden) {
      this._waiting = true;
      requestAnimationFrame(() => {
        this._waiting = false;
        this._drawNow();
      });
    }
  }

  private _drawNow(): void {
    const context = this._canvas.getContext('2d');
    if (!context || !this._graph) {
      return;
    }
    const style = getComputedStyle(this.node);
    context.clearRect(0, 0, this._canvas.width, this._canvas.height);
    for (const box of this._graph.boxes) {
      context.fillStyle = style.getPropertyValue(`--map-${this._states.get(box.step) || 'none'}`).trim();
      context.fillRect(
        box.x * this._scale,
        box.y * this._scale,
        Math.max(LEAST, box.width * this._scale),
        Math.max(LEAST, box.height * this._scale)
      );
    }
  }

  private _move(event: PointerEvent): void {
    const { left, top } = this._canvas.getBoundingClientRect();
    this._onMove({ x: (event.clientX - left) / this._scale, y: (event.clientY - top) / this._scale });
  }

  private readonly _themes = new MutationObserver(() => this._drawLater());
  private readonly _canvas = element('canvas', 'kfnb-Minimap-boxes');
  private readonly _frame = element('div', 'kfnb-Minimap-frame');
  private readonly _states = new Map<string, State | ''>();
  private _graph: Graph | null = null;
  private _most: Size = { width: WIDTH, height: HEIGHT };
  private _scale = 1;
  private _waiting = false;
}
