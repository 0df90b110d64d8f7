/** A scatter plot: a point for each run over two columns. */

import { svgElement } from '../graph/svg-elements';
import { SHAPES, words } from '../states';
import { Translator } from '../translator';
import { ListedRun } from '../wire/api-types';
import { valueText } from '../format';
import { shortened } from './parallel-view';
import { PlotAxis } from './plot-axis';
import { placeColor } from './run-colors';
import { RunColumn } from './run-columns';

const HEIGHT = 300;
const LEFT = 76;
const RIGHT = 20;
const TOP = 14;
const BOTTOM = 44;
const RADIUS = 5;

export interface ScatterPlot {
  runs: ListedRun[];
  x: RunColumn;
  y: RunColumn;
  color: RunColumn | null;
  axes: ReadonlyMap<string, PlotAxis>;
  inside: ReadonlySet<string>;
  marked: string | null;
}

export class ScatterView {
  readonly node = svgElement('svg', { class: 'kfnb-Plot kfnb-Scatter', role: 'img' });

  constructor(
    private readonly _trans: Translator,
    private readonly _onMark: (run: string | null) => void,
    private readonly _onOpen: (run: string) => void
  ) {
    this.node.append(this._title, this._frame, this._points);
    const runAt = (event: Event) => (event.target as Element).closest('[data-run]')?.getAttribute('data-run') ?? null;
    this.node.addEventListener('pointerover', event => this._onMark(runAt(event)));
    this.node.addEventListener('pointerleave', () => this._onMark(null));
    this.node.addEventListener('click', event => {
      const run = runAt(event);
      if (run !== null) {
        this._onOpen(run);
      }
    });
  }

  /** Draws the plot, as wide as there is room. What has not changed is not drawn anew. */
  show(plot: ScatterPlot, room: number): void {
    const before = this._plot;
    this._plot = plot;
    if (!before || room !== this._room || !hasSamePoints(before, plot)) {
      this._room = room;
      this._draw(plot, Math.max(320, room));
    } else if (before.inside !== plot.inside) {
      this._showInside(plot);
    }
    this._marked?.classList.remove('kfnb-mod-marked');
    this._marked = this._pointOf.get(plot.marked ?? '') ?? null;
    if (this._marked) {
      this._marked.classList.add('kfnb-mod-marked');
      this._points.append(this._marked); // above the others
    }
  }

  private _draw(plot: ScatterPlot, width: number): void {
    this.node.setAttribute('width', String(width));
    this.node.setAttribute('height', String(HEIGHT));
    const { x, y, runs } = plot;
    this._title.textContent = this._trans.__(
      '%1 against %2 of %3 runs; the table has the same values',
      y.label,
      x.label,
      runs.length
    );
    const across = plot.axes.get(x.key)!;
    const up = plot.axes.get(y.key)!;
    const left = (place: number) => LEFT + place * (width - LEFT - RIGHT);
    this._drawFrame(plot, across, up, width, left);
    this._pointOf.clear();
    for (const run of runs) {
      const places = [placeOn(across, x, run), placeOn(up, y, run)];
      if (places[0] !== null && places[1] !== null) {
        this._pointOf.set(run.run, this._point(plot, run, left(places[0]), yOf(places[1])));
      }
    }
    this._points.replaceChildren(...this._pointOf.values());
    this._showInside(plot);
  }

  private _showInside(plot: ScatterPlot): void {
    this._pointOf.forEach((point, run) => point.classList.toggle('kfnb-mod-out', !plot.inside.has(run)));
  }

  private _point(plot: ScatterPlot, run: ListedRun, x: number, y: number): SVGElement {
    const { color } = plot;
    const point = svgElement('circle', {
      class: 'kfnb-Scatter-point',
      cx: Math.round(x * 10) / 10,
      cy: Math.round(y * 10) / 10,
      r: RADIUS,
      'data-run': run.run
    });
    if (color) {
      point.style.setProperty('--kfnb-run-color', placeColor(placeOn(plot.axes.get(color.key)!, color, run)));
    }
    point.append(svgElement('title', {}, runText(run, [plot.x, plot.y], this._trans)));
    return point;
  }

  private _drawFrame(
    plot: ScatterPlot,
    across: PlotAxis,
    up: PlotAxis,
    width: number,
    left: (place: number) => number
  ): void {
    const name = (column: RunColumn, axis: PlotAxis) =>
      axis.log ? this._trans.__('%1 (log scale)', column.label) : column.label;
    const tickRoom = (width - LEFT - RIGHT) / Math.max(across.ticks.length, 1);
    const middle = TOP + (HEIGHT - TOP - BOTTOM) / 2;
    this._frame.replaceChildren(
      ...up.ticks.flatMap(tick => [
        svgElement('line', {
          class: 'kfnb-Plot-grid',
          x1: LEFT,
          x2: width - RIGHT,
          y1: yOf(tick.place),
          y2: yOf(tick.place)
        }),
        svgElement(
          'text',
          { class: 'kfnb-Plot-tick', x: LEFT - 8, y: yOf(tick.place) + 4 },
          shortened(tick.text, LEFT - 26)
        )
      ]),
      ...across.ticks.map(tick =>
        svgElement(
          'text',
          { class: 'kfnb-Plot-tick kfnb-mod-below', x: left(tick.place), y: HEIGHT - BOTTOM + 16 },
          shortened(tick.text, tickRoom)
        )
      ),
      svgElement('line', { class: 'kfnb-Plot-axis', x1: LEFT, x2: width - RIGHT, y1: yOf(0), y2: yOf(0) }),
      svgElement('line', { class: 'kfnb-Plot-axis', x1: LEFT, x2: LEFT, y1: yOf(0), y2: yOf(1) }),
      svgElement(
        'text',
        { class: 'kfnb-Plot-name', x: (LEFT + width - RIGHT) / 2, y: HEIGHT - 8 },
        name(plot.x, across)
      ),
      svgElement(
        'text',
        { class: 'kfnb-Plot-name', transform: `translate(13 ${middle}) rotate(-90)` },
        shortened(name(plot.y, up), HEIGHT - TOP - BOTTOM)
      )
    );
  }

  private readonly _title = svgElement('title', {});
  private readonly _frame = svgElement('g', {});
  private readonly _points = svgElement('g', {});
  private _plot: ScatterPlot | null = null;
  private readonly _pointOf = new Map<string, SVGElement>();
  private _marked: SVGElement | null = null;
  private _room = 0;
}

/** Whether two plots have the same points in the same colours. */
function hasSamePoints(one: ScatterPlot, other: ScatterPlot): boolean {
  const { runs, x, y, color, axes } = one;
  return x === other.x && y === other.y && color === other.color && runs === other.runs && axes === other.axes;
}

/** The place of a run on the axis of a column; null where it has none. */
function placeOn(axis: PlotAxis, column: RunColumn, run: ListedRun): number | null {
  const value = column.valueOf(run);
  return value === undefined ? null : axis.place(value);
}

function yOf(place: number): number {
  return TOP + (1 - place) * (HEIGHT - TOP - BOTTOM);
}

/** A run in one line: its state and its values in columns. */
export function runText(run: ListedRun, columns: RunColumn[], trans: Translator): string {
  const values = columns
    .filter(column => column.valueOf(run) !== undefined)
    .map(column => `${column.label} = ${valueText(column.valueOf(run))}`);
  return [`${SHAPES[run.state]} ${words(trans)[run.state]}`, ...values].join(', ');
}
