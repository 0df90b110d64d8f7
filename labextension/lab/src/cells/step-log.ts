/** The log of a step under its cell, with colours, search and copy, the step's values, and its displayed outputs. */

import { Clipboard } from '@jupyterlab/apputils';
import { IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, copyIcon } from '@jupyterlab/ui-components';
import { PartialJSONObject } from '@lumino/coreutils';
import { Message } from '@lumino/messaging';
import { Panel, PanelLayout, Widget } from '@lumino/widgets';

import { PLAIN, Style } from '@kfnb/core/log/ansi-colors';
import { logRow } from '@kfnb/core/log/log-row';
import { button, element, setText } from '@kfnb/core/elements';
import { RunSource } from '../session/followed-run';
import { valuesTable } from './values-table';
import { DisplayedOutput } from '@kfnb/core/wire/api-types';

const POLL_INTERVAL = 300; // milliseconds between two requests while the step runs
const MAX_LINES = 5_000; // older lines are dropped
const MAX_OUTPUTS = 50;
const ERROR_MIME_TYPE = 'application/vnd.jupyter.error'; // the text of an exception is in the log already

export class StepLog extends Widget {
  constructor(
    private readonly _session: RunSource,
    private readonly _rendermime: IRenderMimeRegistry,
    private readonly _trans: TranslationBundle,
    readonly step: string
  ) {
    super();
    this.addClass('kfnb-Log');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', _trans.__('Log of step %1', step));
    this._title = element('span', 'kfnb-Log-title');
    this._paths = element('select', 'kfnb-Log-paths');
    this._paths.setAttribute('aria-label', _trans.__('Iteration'));
    this._paths.addEventListener('change', () => this._open(this._paths.value));
    this._attempts = element('select', 'kfnb-Log-paths');
    this._attempts.setAttribute('aria-label', _trans.__('Attempt'));
    this._attempts.addEventListener('change', () => this._open(this._path, Number(this._attempts.value)));
    this._search = element('input', 'kfnb-Log-search');
    this._search.type = 'search';
    this._search.placeholder = _trans.__('Find in the log');
    this._search.setAttribute('aria-label', _trans.__('Find in the log'));
    this._search.addEventListener('input', () => this._filter());
    // the notebook's keyboard shortcuts must not act while the user types here
    this._search.addEventListener('keydown', event => event.stopPropagation());
    const copy = button('kfnb-Badge-button', _trans.__('Copy the log'), '', () => Clipboard.copyToSystem(this.text));
    copy.append(copyIcon.element({ tag: 'span', stylesheet: 'menuItem' }));
    const close = button('kfnb-Badge-button', _trans.__('Close the log'), '', () => this.dispose());
    close.append(closeIcon.element({ tag: 'span', stylesheet: 'menuItem' }));
    const head = element('div', 'kfnb-Log-head');
    head.append(
      this._title,
      this._paths,
      this._attempts,
      element('span', 'kfnb-Badge-spring'),
      this._search,
      copy,
      close
    );
    this._body = element('pre', 'kfnb-Log-body');
    this._body.tabIndex = 0;
    const layout = new PanelLayout();
    layout.addWidget(new Widget({ node: head }));
    const text = element('div', 'kfnb-Log-text jp-RenderedText'); // JupyterLab styles terminal colours inside this class
    text.append(this._body);
    layout.addWidget(new Widget({ node: text }));
    layout.addWidget(this._values);
    layout.addWidget(this._outputs);
    this.layout = layout;
    this._session.changed.connect(this._refresh, this);
    this._refresh();
  }

  /** The lines of the log as text. */
  get text(): string {
    return [...this._body.children].map(line => line.textContent).join('\n');
  }

  protected onBeforeDetach(message: Message): void {
    window.clearTimeout(this._timer);
    super.onBeforeDetach(message);
  }

  dispose(): void {
    window.clearTimeout(this._timer);
    super.dispose();
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
      this._paths.replaceChildren(...paths.map(path => new Option(path, path)));
      this._paths.hidden = paths.length < 2;
    }
    const path = paths.includes(this._path) ? this._path : (progress?.path ?? '');
    const attempt = `${run} ${path} ${progress?.attempts ?? 0}`;
    if (path && progress?.runs.length && attempt !== this._shownRun) {
      this._shownRun = attempt;
      this._open(path);
    }
  }

  /** Shows the log of a path. `attempt` 0 means its last attempt. */
  private _open(path: string, attempt = 0): void {
    this._path = path;
    this._selectedAttempt = attempt;
    this._paths.value = path;
    this._nextLine = 0;
    this._style = PLAIN;
    this._body.replaceChildren();
    this._values.node.replaceChildren();
    [...this._outputs.widgets].forEach(widget => widget.dispose());
    setText(this._title, this._trans.__('Log of %1', path));
    void this._fetch(++this._requestNumber);
  }

  private async _fetch(turn: number): Promise<void> {
    const run = this._session.run?.run.run;
    if (!run || !this._session.progress(this.step)?.runs.length) {
      return; // the step has not started: `_refresh` opens its log when it does
    }
    let more = false;
    let complete: boolean;
    try {
      const part = await this._session.client.log(run, this._path, this._nextLine, this._selectedAttempt);
      if (turn !== this._requestNumber || this.isDisposed) {
        return;
      }
      this._showAttempts(part.attempt, part.attempts);
      this._appendLines(part.lines.map(([, text]) => text));
      more = part.next > this._nextLine && !part.all && part.lines.length > 500;
      complete = part.all;
      this._nextLine = part.next;
    } catch {
      complete = !this._session.active;
    }
    if (complete) {
      await Promise.all([this._showValues(run, turn), this._showOutputs(run, turn)]);
    } else if (!this.isDisposed) {
      this._timer = window.setTimeout(() => void this._fetch(turn), more ? 0 : POLL_INTERVAL);
    }
  }

  private _showAttempts(shown: number, count: number): void {
    if (this._attempts.options.length !== count) {
      const numbers = Array.from({ length: count }, (_, at) => String(at + 1));
      this._attempts.replaceChildren(
        ...numbers.map(number => new Option(this._trans.__('attempt %1', number), number))
      );
      this._attempts.hidden = count < 2;
    }
    this._attempts.value = String(shown);
  }

  private _appendLines(lines: string[]): void {
    const atEnd = this._body.scrollHeight - this._body.scrollTop - this._body.clientHeight < 24;
    const rows = lines.map(line => {
      const [row, style] = logRow('kfnb-Log-line', line, this._style);
      this._style = style;
      return row;
    });
    this._body.append(...rows);
    while (this._body.childElementCount > MAX_LINES) {
      this._body.firstElementChild?.remove();
    }
    if (this._search.value) {
      this._filter();
    }
    if (atEnd) {
      this._body.scrollTop = this._body.scrollHeight;
    }
  }

  private _filter(): void {
    const query = this._search.value.toLowerCase();
    for (const line of this._body.children) {
      (line as HTMLElement).hidden = query !== '' && !line.textContent.toLowerCase().includes(query);
    }
  }

  private async _showValues(run: string, turn: number): Promise<void> {
    const values = await this._session.client.values(run, this._path).catch(() => ({ inputs: [], outputs: [] }));
    if (turn === this._requestNumber && !this.isDisposed) {
      this._values.node.replaceChildren(valuesTable(values, this._trans) ?? '');
    }
  }

  private async _showOutputs(run: string, turn: number): Promise<void> {
    const { outputs } = await this._session.client.displayedOutputs(run, this._path).catch(() => ({ outputs: [] }));
    if (turn !== this._requestNumber || this.isDisposed) {
      return;
    }
    for (const output of outputs.slice(0, MAX_OUTPUTS)) {
      await this._render(output);
    }
  }

  private async _render(output: DisplayedOutput): Promise<void> {
    const data = output.data as PartialJSONObject;
    // displayed outputs are treated as untrusted, as the notebook's own outputs are
    const mime = this._rendermime.preferredMimeType(data, 'any');
    if (!mime || mime === 'text/plain' || ERROR_MIME_TYPE in data) {
      return;
    }
    const widget = this._rendermime.createRenderer(mime);
    widget.addClass('kfnb-Log-output');
    this._outputs.addWidget(widget);
    await widget.renderModel(new MimeModel({ data, trusted: false })).catch(() => widget.dispose());
  }

  private readonly _title: HTMLElement;
  private readonly _paths: HTMLSelectElement;
  private readonly _attempts: HTMLSelectElement;
  private readonly _search: HTMLInputElement;
  private readonly _body: HTMLPreElement;
  private readonly _values = new Widget();
  private readonly _outputs = new Panel();
  private _shownPaths = '-';
  private _shownRun = '';
  private _path = '';
  private _selectedAttempt = 0;
  private _nextLine = 0;
  private _style: Style = PLAIN;
  private _requestNumber = 0;
  private _timer = 0;
}
