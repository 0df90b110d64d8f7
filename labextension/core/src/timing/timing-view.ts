/** The timing of a run as bars over a common axis, with the steps that decided how long it took. */

import { element, setText } from '../elements';
import { formatDuration } from '../format';
import { SHAPES, State, words } from '../states';
import { Translator } from '../translator';
import { mainRows, pathText, RunTiming, ticks, TimingRow } from './run-timing';

const MAX_ROWS = 60; // before the user asks for all
const MAX_BARS = 200; // in one row

interface DrawnRow {
  node: HTMLElement;
  name: HTMLButtonElement;
  track: HTMLElement;
  time: HTMLElement;
  shown: string;
  places: string;
}

export class TimingView {
  readonly node = element('div', 'kfnb-Timing');

  constructor(
    private readonly _trans: Translator,
    private readonly _onStep: (step: string) => void
  ) {
    this._words = words(_trans);
    this._all.type = 'button';
    this.node.append(this._told, this._axis, this._rows, this._all);
    this._rows.setAttribute('aria-label', _trans.__('Timing of the steps'));
    this._axis.setAttribute('aria-hidden', 'true');
  }

  show(timing: RunTiming | null, label: (step: string) => string, chosen: string | null): void {
    this.node.hidden = timing === null;
    if (timing === null) {
      return;
    }
    const seconds = Math.max(timing.finished - timing.started, 0.001);
    const path = pathText(timing.criticalPath.map(label));
    setText(this._told, this._trans.__('%1 in all. Critical path: %2', formatDuration(seconds), path));
    this.node.style.setProperty('--all', String(seconds));
    this._showAxis(seconds);
    const rows = this._showsAll ? timing.rows : mainRows(timing.rows, MAX_ROWS);
    this._all.hidden = rows.length === timing.rows.length;
    setText(this._all, this._trans.__('Show all %1 steps', timing.rows.length));
    this._all.onclick = () => {
      this._showsAll = true;
      this.show(timing, label, chosen);
    };
    const known = new Map(this._drawn);
    this._drawn = new Map(rows.map(row => [row.step, known.get(row.step) ?? this._row(row.step)]));
    const nodes = rows.map(row => this._drawn.get(row.step)!.node);
    if (nodes.length !== this._rows.childElementCount || nodes.some((node, at) => node !== this._rows.children[at])) {
      this._rows.replaceChildren(...nodes);
    }
    rows.forEach(row => this._showRow(row, timing.started, label(row.step), row.step === chosen));
  }

  private _showAxis(seconds: number): void {
    const times = ticks(seconds);
    if (times.join() === this._ticks) {
      return;
    }
    this._ticks = times.join();
    const marks = times.map(at => {
      const mark = element('span', 'kfnb-Timing-tick', formatDuration(at));
      mark.style.setProperty('--from', String(at));
      return mark;
    });
    const scale = element('span', 'kfnb-Timing-scale');
    scale.append(...marks);
    this._axis.replaceChildren(element('span', ''), scale, element('span', ''));
  }

  private _row(step: string): DrawnRow {
    const node = element('li', 'kfnb-Timing-row');
    const name = element('button', 'kfnb-Timing-name');
    name.type = 'button';
    name.addEventListener('click', () => this._onStep(step));
    const track = element('span', 'kfnb-Timing-track');
    const time = element('span', 'kfnb-Timing-time');
    node.append(name, track, time);
    return { node, name, track, time, shown: '', places: '' };
  }

  private _showRow(row: TimingRow, begin: number, label: string, chosen: boolean): void {
    const drawn = this._drawn.get(row.step)!;
    const duration = formatDuration(row.finished - row.started);
    const bars = row.bars.slice(0, MAX_BARS);
    const places = JSON.stringify(bars.map(bar => placeOf(bar, begin)));
    if (places !== drawn.places) {
      drawn.places = places;
      drawn.track.replaceChildren(...bars.map(bar => drawnBar(bar, begin)));
    }
    const key = JSON.stringify([label, chosen, row.critical, row.state, duration]);
    if (key === drawn.shown) {
      return;
    }
    drawn.shown = key;
    drawn.node.classList.toggle('kfnb-mod-critical', row.critical);
    drawn.node.classList.toggle('kfnb-mod-chosen', chosen);
    setText(drawn.name, `${SHAPES[row.state]} ${label}`);
    const critical = row.critical ? `, ${this._trans.__('on the critical path')}` : '';
    drawn.name.setAttribute('aria-label', `${label}: ${this._words[row.state]}, ${duration}${critical}`);
    drawn.name.title = label;
    setText(drawn.time, duration);
  }

  private readonly _words: Record<State, string>;
  private readonly _told = element('p', 'kfnb-Timing-told');
  private readonly _axis = element('div', 'kfnb-Timing-row kfnb-Timing-axis');
  private readonly _rows = element('ul', 'kfnb-Timing-rows');
  private readonly _all = element('button', 'jp-mod-styled kfnb-Timing-all');
  private _showsAll = false;
  private _ticks = '';
  private _drawn = new Map<string, DrawnRow>();
}

type Bar = TimingRow['bars'][number];

/** Where a bar begins and ends, in seconds; one that still runs ends where the axis ends, so that it grows without being touched. */
function placeOf(bar: Bar, begin: number): { from: number; to: number | null; state: State } {
  const to = bar.state === 'running' ? null : bar.finished - begin;
  return { from: bar.started - begin, to, state: bar.state };
}

function drawnBar(bar: Bar, begin: number): HTMLElement {
  const { from, to, state } = placeOf(bar, begin);
  const node = element('span', 'kfnb-Timing-bar');
  node.dataset.state = state;
  node.style.setProperty('--from', String(from));
  if (to !== null) {
    node.style.setProperty('--to', String(to));
  }
  return node;
}
