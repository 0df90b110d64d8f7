/** The log of a step under its cell, with the step's displays and values, and the choice of iteration and attempt. */

import { Clipboard } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, copyIcon } from '@jupyterlab/ui-components';
import { PanelLayout, Widget } from '@lumino/widgets';

import { button, element, setText } from '@kfnb/core/elements';
import { stepLabel } from '@kfnb/core/graph/surroundings';
import { LogChunk } from '@kfnb/core/wire/api-types';
import { Attempt } from '../outputs/attempt';
import { AttemptOutput } from '../outputs/attempt-output';
import { RunSource } from '../session/followed-run';

export class StepLog extends Widget {
  /** `onLeave` gives the focus to where the user came from: he presses Escape in the log, or closes it. */
  constructor(
    private readonly _session: RunSource,
    rendermime: IRenderMimeRegistry,
    private readonly _trans: TranslationBundle,
    readonly step: string,
    private readonly _onLeave: () => void
  ) {
    super();
    this.addClass('kfnb-Log');
    this.addClass('kfnb-Controls');
    this.node.tabIndex = -1;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Log of step %1', this._pathText(step)));
    this.node.addEventListener('keydown', event => this._onKey(event));
    this._output = new AttemptOutput(rendermime, _trans, chunk => this._showAttempts(chunk));
    this._paths.setAttribute('aria-label', _trans.__('Iteration'));
    this._paths.addEventListener('change', () => this.open(this._paths.value));
    this._attempts.setAttribute('aria-label', _trans.__('Attempt'));
    this._attempts.addEventListener('change', () => this.open(this._path, Number(this._attempts.value)));
    const layout = new PanelLayout();
    layout.addWidget(new Widget({ node: this._head() }));
    layout.addWidget(this._output);
    this.layout = layout;
    this._session.changed.connect(this._refresh, this);
    this._refresh();
  }

  dispose(): void {
    this._session.changed.disconnect(this._refresh, this);
    const hasFocus = this.node.contains(document.activeElement);
    super.dispose();
    if (hasFocus) {
      this._onLeave();
    }
  }

  focus(): void {
    this.node.focus({ preventScroll: true });
    this.node.scrollIntoView({ block: 'nearest' });
  }

  /** Keys scroll the log and press its buttons; they must not move, cut or delete the notebook's cells. */
  private _onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      event.stopPropagation();
      this._onLeave();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey) {
      event.stopPropagation();
    }
  }

  private _head(): HTMLElement {
    const copyText = () => Clipboard.copyToSystem(this._output.text);
    const copy = button('kfnb-Badge-button', this._trans.__('Copy the lines of the log that are loaded'), '', copyText);
    copy.append(copyIcon.element({ tag: 'span', stylesheet: 'menuItem' }));
    const close = button('kfnb-Badge-button', this._trans.__('Close the log'), '', () => this.dispose());
    close.append(closeIcon.element({ tag: 'span', stylesheet: 'menuItem' }));
    const head = element('div', 'kfnb-Log-head');
    const tools = element('div', 'kfnb-Log-tools');
    tools.append(this._output.findNode, copy, close);
    head.append(this._title, this._paths, this._attempts, tools);
    return head;
  }

  private _refresh(): void {
    const run = this._session.run?.run.run ?? '';
    if (!run && this._shownRun) {
      this.dispose(); // the run was deleted
      return;
    }
    const progress = this._session.progress(this.step);
    const paths = progress?.paths ?? [];
    if (paths.join() !== this._shownPaths) {
      this._shownPaths = paths.join();
      this._paths.replaceChildren(...paths.map(path => new Option(this._pathText(path), path)));
      this._paths.hidden = paths.length < 2;
    }
    const path = paths.includes(this._path) ? this._path : (progress?.path ?? '');
    const attempt = `${run} ${path} ${progress?.attempts ?? 0}`;
    if (path && progress?.runs.length && attempt !== this._shownRun) {
      this._shownRun = attempt;
      this.open(path);
    }
  }

  /** Shows the log of a path. `attempt` 0 means its last attempt. */
  open(path: string, attempt = 0): void {
    const run = this._session.run?.run.run;
    if (!run) {
      return;
    }
    this._path = path;
    this._paths.value = path;
    setText(this._title, this._trans.__('Log of %1', this._pathText(path)));
    this._title.title = this._title.textContent;
    const { client, logLines } = this._session;
    this._output.open(new Attempt(client, run, path, attempt, () => this._session.active, logLines));
  }

  /** The path of an iteration, with the user's own expression where kfnb has added the step. */
  private _pathText(path: string): string {
    const label = stepLabel(this._session.stepLabel(this.step), this._trans);
    return path.startsWith(this.step) ? label + path.slice(this.step.length) : path;
  }

  private _showAttempts({ attempt, attempts }: LogChunk): void {
    if (this._attempts.options.length !== attempts) {
      const numbers = Array.from({ length: attempts }, (_, at) => String(at + 1));
      this._attempts.replaceChildren(
        ...numbers.map(number => new Option(this._trans.__('attempt %1', number), number))
      );
      this._attempts.hidden = attempts < 2;
    }
    this._attempts.value = String(attempt);
  }

  private readonly _output: AttemptOutput;
  private readonly _title = element('span', 'kfnb-Log-title');
  private readonly _paths = element('select', 'kfnb-Log-paths');
  private readonly _attempts = element('select', 'kfnb-Log-paths');
  private _shownPaths = '-';
  private _shownRun = '';
  private _path = '';
}
