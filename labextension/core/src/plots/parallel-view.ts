/** Parallel coordinates: an axis for each column, a line for each run, and parts of axes that the user chooses. */

import { svgElement } from '../graph/svg-elements';
import { Translator } from '../translator';
import { ListedRun } from '../wire/api-types';
import { PlotAxis, plotAxis } from './plot-axis';
import { placeColor } from './run-colors';
import { Ranges, RunColumn, withRange } from './run-columns';

const HEIGHT = 300;
const TOP = 44;
const BOTTOM = 26;
const SIDE = 60; // pixels beside the first and the last axis
const AXIS_GAP = 90; // pixels between two axes, at least
const TICKS = 6;
const GRIP = 12; // pixels on both sides of an axis that can be dragged over
const KEY_STEP = 0.05;
const LETTER = 6.5;

export interface ParallelPlot {
  runs: ListedRun[];
  columns: RunColumn[];
  /** The axis of each column. */
  axes: ReadonlyMap<string, PlotAxis>;
  /** The column that gives the colours; null for one colour. */
  color: string | null;
  ranges: Ranges;
  /** The runs that are in all chosen parts. */
  inside: ReadonlySet<string>;
  /** The run that is told apart. */
  marked: string | null;
}

/** The axes of columns, by their keys. */
export function axesOf(columns: RunColumn[], runs: ListedRun[]): Map<string, PlotAxis> {
  return new Map(columns.map(column => [column.key, plotAxis(runs.map(column.valueOf), TICKS)]));
}

export class ParallelView {
  readonly node = svgElement('svg', { class: 'kfnb-Plot kfnb-Parallel', role: 'group' });

  constructor(
    private readonly _trans: Translator,
    private readonly _onRanges: (ranges: Ranges) => void,
    private readonly _onMark: (run: string | null) => void
  ) {
    this.node.append(this._title, this._lines, this._axes);
    this.node.addEventListener('pointerdown', event => this._grip(event));
    this.node.addEventListener('pointermove', event => this._drag(event));
    this.node.addEventListener('pointerup', () => (this._from = null));
    this.node.addEventListener('keydown', event => this._key(event));
    this.node.addEventListener('pointerover', event => this._markAt(event));
    this.node.addEventListener('pointerleave', () => this._onMark(null));
  }

  /** Draws the plot, as wide as there is room. There may be a thousand lines: what has not changed is not drawn anew. */
  show(plot: ParallelPlot, room: number): void {
    const before = this._plot;
    this._plot = plot;
    if (!before || room !== this._room || !hasSameLines(before, plot)) {
      this._room = room;
      this._draw(plot, room);
    } else if (before.ranges !== plot.ranges || before.inside !== plot.inside) {
      this._drawAxes(plot);
      this._showInside(plot);
    }
    this._marked?.classList.remove('kfnb-mod-marked');
    this._marked = this._lineOf.get(plot.marked ?? '') ?? null;
    if (this._marked) {
      this._marked.classList.add('kfnb-mod-marked');
      this._lines.append(this._marked); // above the others
    }
  }

  private _draw(plot: ParallelPlot, room: number): void {
    const width = Math.max(room, 2 * SIDE + AXIS_GAP * (plot.columns.length - 1));
    this._gap = plot.columns.length > 1 ? (width - 2 * SIDE) / (plot.columns.length - 1) : 0;
    this.node.setAttribute('width', String(width));
    this.node.setAttribute('height', String(HEIGHT));
    this._title.textContent = this._trans.__(
      'Parallel coordinates of %1 runs; the table has the same values',
      plot.runs.length
    );
    this._drawAxes(plot);
    this._lineOf = new Map(plot.runs.map(run => [run.run, this._line(plot, run)]));
    this._lines.replaceChildren(...this._lineOf.values());
    this._showInside(plot);
  }

  /** Draws the axes with the chosen parts. The end of a part that has the focus keeps it. */
  private _drawAxes(plot: ParallelPlot): void {
    const focused = document.activeElement?.getAttribute('data-thumb');
    this._axes.replaceChildren(...plot.columns.map((column, at) => this._axis(plot, column, at)));
    if (focused && !this.node.contains(document.activeElement)) {
      this._axes.querySelector<SVGElement>(`[data-thumb="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  private _showInside(plot: ParallelPlot): void {
    this._lineOf.forEach((line, run) => line.classList.toggle('kfnb-mod-out', !plot.inside.has(run)));
  }

  private _line(plot: ParallelPlot, run: ListedRun): SVGPathElement {
    const color = plot.columns.find(column => column.key === plot.color);
    const line = svgElement('path', {
      class: 'kfnb-Parallel-line',
      d: linePath(plot.columns.map((column, at) => this._pointOf(plot, column, at, run))),
      'data-run': run.run
    });
    line.classList.toggle('kfnb-mod-failed', run.state === 'failed');
    if (color) {
      line.style.setProperty('--kfnb-run-color', placeColor(plot.axes.get(color.key)!.place(color.valueOf(run))));
    }
    return line;
  }

  private _pointOf(plot: ParallelPlot, column: RunColumn, at: number, run: ListedRun): [number, number] | null {
    const value = column.valueOf(run);
    const place = value === undefined ? null : plot.axes.get(column.key)!.place(value);
    return place === null ? null : [SIDE + at * this._gap, yOf(place)];
  }

  private _axis(plot: ParallelPlot, column: RunColumn, at: number): SVGGElement {
    const axis = plot.axes.get(column.key)!;
    const x = SIDE + at * this._gap;
    const group = svgElement('g', {
      class: 'kfnb-Parallel-axis',
      transform: `translate(${x} 0)`,
      'data-axis': column.key
    });
    const [low, high] = plot.ranges[column.key] ?? [0, 1];
    const room = Math.max(this._gap, AXIS_GAP) - 8;
    const besides = at === 0 ? SIDE - 8 : room / 2; // for the words at the marks
    const label = svgElement('text', { class: 'kfnb-Plot-name', y: 16 }, shortened(column.label, room));
    label.append(svgElement('title', {}, axis.log ? this._trans.__('%1 (log scale)', column.label) : column.label));
    group.append(
      label,
      svgElement('line', { class: 'kfnb-Plot-axis', y1: yOf(0), y2: yOf(1) }),
      svgElement('rect', { class: 'kfnb-Parallel-grip', x: -GRIP, y: yOf(1), width: 2 * GRIP, height: yOf(0) - yOf(1) })
    );
    if (column.key in plot.ranges) {
      group.append(
        svgElement('rect', {
          class: 'kfnb-Parallel-range',
          x: -6,
          y: yOf(high),
          width: 12,
          height: yOf(low) - yOf(high)
        })
      );
    }
    group.append(
      ...axis.ticks.map(tick =>
        svgElement('text', { class: 'kfnb-Plot-tick', x: -9, y: yOf(tick.place) + 4 }, shortened(tick.text, besides))
      ),
      this._thumb(column, axis, 0, [low, high]),
      this._thumb(column, axis, 1, [low, high])
    );
    return group;
  }

  /** One end of the chosen part of an axis. */
  private _thumb(column: RunColumn, axis: PlotAxis, end: 0 | 1, range: readonly [number, number]): SVGElement {
    const y = yOf(range[end]);
    return svgElement('path', {
      class: 'kfnb-Parallel-thumb',
      d: end === 0 ? `M-6,${y + 9}h12l-6,-8z` : `M-6,${y - 9}h12l-6,8z`,
      tabindex: 0,
      role: 'slider',
      'aria-orientation': 'vertical',
      'aria-label': end === 0 ? this._trans.__('%1, from', column.label) : this._trans.__('%1, to', column.label),
      'aria-valuemin': 0,
      'aria-valuemax': 100,
      'aria-valuenow': Math.round(100 * range[end]),
      'aria-valuetext': axis.textAt(range[end]),
      'data-thumb': `${end} ${column.key}`
    });
  }

  private _key(event: KeyboardEvent): void {
    const [end, ...key] = (event.target as Element).getAttribute('data-thumb')?.split(' ') ?? [];
    const steps: Record<string, number> = {
      ArrowUp: 1,
      ArrowRight: 1,
      ArrowDown: -1,
      ArrowLeft: -1,
      PageUp: 4,
      PageDown: -4,
      Home: -99,
      End: 99
    };
    const step = steps[event.key];
    if (end === undefined || step === undefined || !this._plot) {
      return;
    }
    event.preventDefault();
    const name = key.join(' ');
    const [low, high] = this._plot.ranges[name] ?? [0, 1];
    const moved = (place: number) => Math.round((place + step * KEY_STEP) / KEY_STEP) * KEY_STEP;
    const ends: [number, number] = end === '0' ? [Math.min(moved(low), high), high] : [low, Math.max(moved(high), low)];
    this._onRanges(withRange(this._plot.ranges, name, ends));
  }

  private _grip(event: PointerEvent): void {
    const target = event.target as Element;
    const axis = target.closest('[data-axis]')?.getAttribute('data-axis');
    if (!axis || !this._plot) {
      return;
    }
    this.node.setPointerCapture(event.pointerId);
    const end = target.getAttribute('data-thumb')?.charAt(0);
    if (end) {
      const [low, high] = this._plot.ranges[axis] ?? [0, 1];
      this._from = { axis, place: end === '0' ? high : low }; // the other end stays
    } else {
      event.preventDefault();
      this._from = { axis, place: this._placeAt(event) };
      this._onRanges(withRange(this._plot.ranges, axis, [0, 1])); // a click alone takes the choice back
    }
  }

  private _drag(event: PointerEvent): void {
    if (this._from && this._plot) {
      this._onRanges(withRange(this._plot.ranges, this._from.axis, [this._from.place, this._placeAt(event)]));
    }
  }

  private _markAt(event: PointerEvent): void {
    const run = (event.target as Element).getAttribute('data-run');
    if (run !== null && this._from === null) {
      this._onMark(run);
    }
  }

  private _placeAt(event: PointerEvent): number {
    const y = event.clientY - this.node.getBoundingClientRect().top;
    return Math.max(0, Math.min(1, (HEIGHT - BOTTOM - y) / (HEIGHT - TOP - BOTTOM)));
  }

  private readonly _title = svgElement('title', {});
  private readonly _lines = svgElement('g', {});
  private readonly _axes = svgElement('g', {});
  private _plot: ParallelPlot | null = null;
  private _lineOf = new Map<string, SVGPathElement>();
  private _marked: SVGPathElement | null = null;
  private _gap = 0;
  private _room = 0;
  private _from: { axis: string; place: number } | null = null;
}

/** Whether two plots have the same lines in the same colours. */
function hasSameLines(one: ParallelPlot, other: ParallelPlot): boolean {
  const { runs, columns, axes, color } = one;
  const sameColumns =
    columns.length === other.columns.length && columns.every((each, at) => each === other.columns[at]);
  return sameColumns && runs === other.runs && axes === other.axes && color === other.color;
}

function yOf(place: number): number {
  return TOP + (1 - place) * (HEIGHT - TOP - BOTTOM);
}

/** A path through points; where one is missing, it is interrupted. */
export function linePath(points: ([number, number] | null)[]): string {
  return points
    .map((point, at) =>
      point === null ? '' : `${at > 0 && points[at - 1] ? 'L' : 'M'}${round(point[0])},${round(point[1])}`
    )
    .join('');
}

/** A text that fits into so many pixels, about. */
export function shortened(text: string, room: number): string {
  const most = Math.max(3, Math.floor(room / LETTER));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}
