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
    rows.forEach(row => this._showRow(row, timing.started, seconds, label(row.step), row.step === chosen));
  }

  private _showAxis(seconds: number): void {
    const marks = ticks(seconds).map(at => {
      const mark = element('span', 'kfnb-Timing-tick', formatDuration(at));
      mark.style.left = `${(100 * at) / seconds}%`;
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
    return { node, name, track, time, shown: '' };
  }

  private _showRow(row: TimingRow, begin: number, seconds: number, label: string, chosen: boolean): void {
    const drawn = this._drawn.get(row.step)!;
    const duration = formatDuration(row.finished - row.started);
    const bars = row.bars.slice(0, MAX_BARS);
    const key = JSON.stringify([begin, seconds, label, chosen, row.critical, row.state, bars]);
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
    drawn.track.replaceChildren(...bars.map(bar => drawnBar(bar, begin, seconds)));
  }

  private readonly _words: Record<State, string>;
  private readonly _told = element('p', 'kfnb-Timing-told');
  private readonly _axis = element('div', 'kfnb-Timing-row kfnb-Timing-axis');
  private readonly _rows = element('ul', 'kfnb-Timing-rows');
  private readonly _all = element('button', 'jp-mod-styled kfnb-Timing-all');
  private _showsAll = false;
  private _drawn = new Map<string, DrawnRow>();
}

function drawnBar(bar: TimingRow['bars'][number], begin: number, seconds: number): HTMLElement {
  const node = element('span', 'kfnb-Timing-bar');
  node.dataset.state = bar.state;
  node.style.left = `${(100 * (bar.started - begin)) / seconds}%`;
  node.style.width = `${(100 * (bar.finished - bar.started)) / seconds}%`;
  return node;
}
