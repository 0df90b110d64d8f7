/** The log of the chosen step. */

import { element, setText } from '@kfnb/core/elements';
import { Style, PLAIN } from '@kfnb/core/log/ansi-colors';
import { logRow } from '@kfnb/core/log/log-row';
import { SHAPES, State, words } from '@kfnb/core/states';
import { Translator } from '@kfnb/core/translator';

import { Request, ViewLog, ViewState } from './model';
import { MAX_LINES } from './store';
import { elapsed } from './elapsed';

export class LogView {
  readonly node = element('div', 'kfnb-Run-log');

  constructor(
    private readonly _ask: (request: Request) => void,
    private readonly _trans: Translator
  ) {
    this._words = words(_trans);
    this.node.setAttribute('role', 'region');
    this._paths = this._select(_trans.__('Iteration'), () => null);
    this._attempts = this._select(_trans.__('Attempt'), () => Number(this._attempts.value));
    const head = element('div', 'kfnb-Run-logHead');
    head.append(this._title, this._told, this._paths, this._attempts);
    this._body.tabIndex = 0;
    this._body.setAttribute('aria-label', _trans.__('Log'));
    this._body.dataset.empty = _trans.__('it has printed nothing');
    this.node.append(head, this._body);
  }

  show(state: ViewState, now: number, added: string[] | null): void {
    this.node.hidden = state.chosen === null;
    if (state.chosen === null) {
      this._known = null;
      return;
    }
    this._step = state.chosen;
    this.node.setAttribute('aria-label', this._trans.__('Log of step %1', state.chosen));
    this.node.dataset.state = state.steps[state.chosen]?.state ?? '';
    setText(this._title, state.chosen);
    this.tick(state, now);
    if (state.log !== this._known) {
      this._showLines(state.log?.step === state.chosen ? state.log : null, added);
      this._known = state.log;
    }
  }

  /** Shows how long the step has run. */
  tick(state: ViewState, now: number): void {
    const step = state.chosen === null ? undefined : state.steps[state.chosen];
    const trans = this._trans;
    const parts = step
      ? [
          `${SHAPES[step.state]} ${this._words[step.state]}${step.iterations ? ` ${step.ended}/${step.iterations}` : ''}`,
          elapsed(step, now),
          step.attempts > 1 && !step.iterations ? trans.__('attempt %1', step.attempts) : '',
          step.reason ?? ''
        ]
      : [trans.__('has not run')];
    setText(this._told, parts.filter(Boolean).join(' · '));
  }

  private _select(label: string, attempt: () => number | null): HTMLSelectElement {
    const node = element('select', 'kfnb-Run-choice');
    node.setAttribute('aria-label', label);
    node.addEventListener('change', () =>
      this._ask({ do: 'choose', step: this._step, path: this._paths.value || null, attempt: attempt() })
    );
    return node;
  }

  private _showLines(log: ViewLog | null, added: string[] | null): void {
    setOptions(this._paths, log?.paths ?? [], path => path);
    const numbers = Array.from({ length: log?.attempts ?? 0 }, (_, at) => String(at + 1));
    setOptions(this._attempts, numbers, number => this._trans.__('attempt %1', number));
    this._paths.value = log?.path ?? '';
    this._attempts.value = String(log?.attempt ?? '');
    const body = this._body;
    const atEnd = body.scrollHeight - body.scrollTop - body.clientHeight < 24;
    if (!added) {
      body.replaceChildren();
      this._style = PLAIN;
    }
    for (const line of added ?? log?.lines ?? []) {
      const [row, style] = logRow('kfnb-Run-line', line, this._style);
      this._style = style;
      body.append(row);
    }
    while (body.childElementCount > MAX_LINES) {
      body.firstElementChild?.remove();
    }
    this.node.classList.toggle('kfnb-mod-empty', body.childElementCount === 0);
    if (atEnd || !added) {
      body.scrollTop = body.scrollHeight;
    }
  }

  private readonly _words: Record<State, string>;
  private readonly _title = element('strong', 'kfnb-Run-step');
  private readonly _told = element('span', 'kfnb-Run-told');
  private readonly _body = element('pre', 'kfnb-Run-logBody kfnb-Ansi');
  private readonly _paths: HTMLSelectElement;
  private readonly _attempts: HTMLSelectElement;
  private _known: ViewLog | null = null;
  private _step = '';
  private _style: Style = PLAIN;
}

function setOptions(node: HTMLSelectElement, values: string[], label: (value: string) => string): void {
  const last = node.options[node.options.length - 1]?.value;
  if (node.options.length !== values.length || last !== values[values.length - 1]) {
    node.replaceChildren(...values.map(value => new Option(label(value), value)));
  }
  node.hidden = values.length < 2;
}
