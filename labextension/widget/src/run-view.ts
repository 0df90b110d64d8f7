/** The live view of a run, or of a pipeline that can be run. */

import { element, setText } from '@kfnb/core/elements';
import { GraphCanvas } from '@kfnb/core/graph/graph-canvas';
import { MARGIN } from '@kfnb/core/graph/graph-view';
import { FINAL_STATES, SHAPES, State, STEP_FINAL_STATES, words } from '@kfnb/core/states';
import { Translator } from '@kfnb/core/translator';
import { Graph } from '@kfnb/core/wire/api-types';

import { elapsed } from './elapsed';
import { LogView } from './log-view';
import { Request, StepChanges, ViewState, ViewStep } from './model';
import { ParameterForm } from './parameter-form';
import { ALL_NEW, News, Shows, Store } from './store';

const LOOK_AGAIN = 2000; // milliseconds between two questions whether a run was taken up again
const TICK = 200; // milliseconds between two looks at the clock
const LEAST_WIDTH = 280; // pixels of the graph with its buttons

export class RunView implements Shows {
  constructor(
    private readonly _store: Store,
    readonly node: HTMLElement,
    private readonly _trans: Translator
  ) {
    const ask = (request: Request) => _store.ask(request);
    this._words = words(_trans);
    node.classList.add('kfnb-Run');
    node.setAttribute('role', 'region');
    node.dataset.lmSuppressShortcuts = 'true';
    this._cancel = textButton('kfnb-Run-cancel', _trans.__('Cancel'), () => ask({ do: 'cancel' }));
    this._cancel.title = _trans.__('Cancel the run; exit handlers still run. A second time: at once');
    this._retry = textButton('kfnb-Run-retry', _trans.__('Retry'), () => ask({ do: 'retry' }));
    this._from = textButton('kfnb-Run-from', '', () => ask({ do: 'retry', step: _store.state.chosen }));
    const actions = {
      onStep: (step: string) => ask({ do: 'choose', step }),
      onFold: (frame: string) => ask({ do: 'fold', frame })
    };
    this._graph = new GraphCanvas(_trans, actions, 'column');
    this._graph.node.classList.add('kfnb-Run-graph');
    this._log = new LogView(ask, _trans);
    this._form = _store.state.form ? new ParameterForm(_store.state.form, ask, _trans) : null;
    this._compose();
    node.addEventListener('pointerenter', () => this._look());
    node.addEventListener('focusin', () => this._look());
    _store.views.add(this);
    this._timer = window.setInterval(() => this._tick(), TICK);
    this.show(ALL_NEW);
  }

  close(): void {
    window.clearInterval(this._timer);
    this._store.views.delete(this);
    this._graph.dispose();
    this.node.remove();
  }

  show({ steps, added }: News): void {
    const { state, now, active } = this._store;
    const isNew = state.graph !== this._drawn;
    if (isNew) {
      this._draw(state.graph);
    }
    const changed = steps && !isNew && state.chosen === this._chosen ? Object.keys(steps) : this._graph.steps;
    changed.forEach(name => this._graph.show(name, progressOf(state.steps[name]), name === state.chosen));
    this._chosen = state.chosen;
    this._showHead(state, active, now);
    this._form?.show(state, active);
    this._log.show(state, now, added);
    const waits = this._trans.__('asked; the kernel has not answered yet: it is busy with a cell, or gone');
    setText(this._waits, this._store.busy ? waits : '');
    this._speak(state, steps);
  }

  private _compose(): void {
    const head = element('div', 'kfnb-Run-head');
    const spring = element('span', 'kfnb-Run-spring');
    head.append(this._state, this._name, this._time, this._count, this._id, spring);
    head.append(this._cancel, this._retry, this._from);
    this._bar.setAttribute('role', 'progressbar');
    this._bar.setAttribute('aria-label', this._trans.__('Steps that have ended'));
    this._bar.append(this._fill);
    this._told.setAttribute('role', 'alert');
    this._waits.setAttribute('role', 'status');
    this._spoken.setAttribute('role', 'status');
    this._spoken.setAttribute('aria-live', 'polite');
    const body = element('div', 'kfnb-Run-body');
    body.append(this._graph.node, this._log.node);
    const form = this._form ? [this._form.node] : [];
    this.node.append(head, this._bar, this._given, ...form, this._told, this._waits, body, this._spoken);
  }

  private _draw(graph: Graph): void {
    this._graph.node.style.flexBasis = `max(${LEAST_WIDTH}px, ${graph.width + 2 * MARGIN}px)`;
    this._graph.draw(graph);
    this._drawn = graph;
  }

  /** A run that has ended may have been taken up again from elsewhere. */
  private _look(): void {
    if (this._store.state.run && !this._store.active && Date.now() - this._looked > LOOK_AGAIN) {
      this._looked = Date.now();
      this._store.model.send({ do: 'look', number: 0 });
    }
  }

  private _tick(): void {
    const { state, now, active } = this._store;
    if (active && state.run) {
      setText(this._time, elapsed(state.run, now));
      this._log.tick(state, now);
    }
  }

  private _showHead(state: ViewState, active: boolean, now: number): void {
    const { run, name } = state;
    const trans = this._trans;
    const all = Object.values(state.steps);
    const done = all.filter(step => STEP_FINAL_STATES.has(step.state)).length;
    const percent = all.length ? (100 * done) / all.length : 0;
    this.node.dataset.state = run?.state ?? '';
    this.node.setAttribute('aria-label', run ? trans.__('Run of %1', name) : name);
    setText(this._name, name);
    setText(this._state, state.doing ? this._doing(state.doing) : run ? this._stateOf(run.state) : '');
    setText(this._time, run ? elapsed(run, now) : '');
    setText(this._count, run ? trans.__('%1/%2 steps', done, all.length) : '');
    setText(this._id, run?.id ?? '');
    this._cancel.hidden = !active;
    this._retry.hidden = !run || active || run.state === 'succeeded';
    this._from.hidden = !run || active || state.chosen === null;
    this._retry.disabled = this._from.disabled = state.doing !== null;
    setText(this._from, trans.__('Retry from %1', state.chosen ?? ''));
    this._bar.hidden = !run;
    this._bar.setAttribute('aria-valuenow', String(Math.round(percent)));
    this._fill.style.width = `${percent}%`;
    const given = Object.entries(run?.parameters ?? {});
    this._given.hidden = given.length === 0 || this._form !== null;
    setText(this._given, given.map(([name, value]) => `${name} = ${value}`).join('   '));
    this._showMessage(state);
  }

  private _doing(doing: NonNullable<ViewState['doing']>): string {
    const trans = this._trans;
    return { run: trans.__('starting …'), cancel: trans.__('cancelling …'), retry: trans.__('starting again …') }[
      doing
    ];
  }

  private _stateOf(state: State): string {
    return `${SHAPES[state]} ${this._words[state]}`;
  }

  private _showMessage({ run, notice }: ViewState): void {
    const text = [notice?.text, run?.problem].filter(Boolean).join('\n');
    setText(this._told, text);
    this._told.hidden = !text;
    this._told.dataset.kind = run?.problem || notice?.kind === 'error' ? 'error' : 'warning';
  }

  /** What a screen reader says: how the run ends, and which step failed. */
  private _speak({ run, name }: ViewState, steps: StepChanges | null): void {
    const failed = Object.entries(steps ?? {}).find(([, step]) => step?.state === 'failed');
    if (run && FINAL_STATES.has(run.state)) {
      setText(this._spoken, `${name}: ${this._words[run.state]}`);
    } else if (failed) {
      setText(this._spoken, `${failed[0]}: ${this._words.failed}`);
    }
  }

  private readonly _words: Record<State, string>;
  private readonly _state = element('span', 'kfnb-Run-state');
  private readonly _name = element('strong', 'kfnb-Run-name');
  private readonly _time = element('span', 'kfnb-Run-time');
  private readonly _count = element('span', 'kfnb-Run-count');
  private readonly _id = element('code', 'kfnb-Run-id');
  private readonly _bar = element('div', 'kfnb-Run-bar');
  private readonly _fill = element('div', 'kfnb-Run-fill');
  private readonly _given = element('div', 'kfnb-Run-given');
  private readonly _told = element('div', 'kfnb-Run-message');
  private readonly _waits = element('div', 'kfnb-Run-waits');
  private readonly _spoken = element('div', 'kfnb-Run-spoken');
  private readonly _cancel: HTMLButtonElement;
  private readonly _retry: HTMLButtonElement;
  private readonly _from: HTMLButtonElement;
  private readonly _graph: GraphCanvas;
  private readonly _log: LogView;
  private readonly _form: ParameterForm | null;
  private readonly _timer: number;
  private _drawn: Graph | null = null;
  private _chosen: string | null = null;
  private _looked = 0;
}

function textButton(className: string, text: string, act: () => void): HTMLButtonElement {
  const node = element('button', `kfnb-Button ${className}`, text);
  node.type = 'button';
  node.addEventListener('click', act);
  return node;
}

function progressOf(step: ViewStep | undefined) {
  return step ? { ...step, endedIterations: step.ended } : null;
}
