/** The log of a step, unfolded under its cell: live, with colours, search, copy, and what the step displayed. */

import { Clipboard } from '@jupyterlab/apputils';
import { IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon, copyIcon } from '@jupyterlab/ui-components';
import { PartialJSONObject } from '@lumino/coreutils';
import { Message } from '@lumino/messaging';
import { Panel, PanelLayout, Widget } from '@lumino/widgets';

import { pieces, PLAIN, Style } from './ansi';
import { button, element, say } from './dom';
import { NotebookSession } from './session';
import { valuesTable } from './values';
import { Output } from './wire';

const ASK_EVERY = 300; // milliseconds between two questions while the step runs
const MOST = 5_000; // lines that are shown
const MOST_OUTPUTS = 50;
const ERROR = 'application/vnd.jupyter.error'; // of a cell that may raise: its text stands in the log

export class LogView extends Widget {
  constructor(
    private readonly _session: NotebookSession,
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
    this._tries = element('select', 'kfnb-Log-paths');
    this._tries.setAttribute('aria-label', _trans.__('Attempt'));
    this._tries.addEventListener('change', () => this._open(this._path, Number(this._tries.value)));
    this._search = element('input', 'kfnb-Log-search');
    this._search.type = 'search';
    this._search.placeholder = _trans.__('Find in the log');
    this._search.setAttribute('aria-label', _trans.__('Find in the log'));
    this._search.addEventListener('input', () => this._filter());
    // the notebook's own keys must not act while somebody types here
    this._search.addEventListener('keydown', event => event.stopPropagation());
    const copy = button('kfnb-Badge-button', _trans.__('Copy the log'), '', () => Clipboard.copyToSystem(this.text));
    copy.append(copyIcon.element({ tag: 'span', stylesheet: 'menuItem' }));
    const close = button('kfnb-Badge-button', _trans.__('Close the log'), '', () => this.dispose());
    close.append(closeIcon.element({ tag: 'span', stylesheet: 'menuItem' }));
    const head = element('div', 'kfnb-Log-head');
    head.append(this._title, this._paths, this._tries, element('span', 'kfnb-Badge-spring'), this._search, copy, close);
    this._body = element('pre', 'kfnb-Log-body');
    this._body.tabIndex = 0;
    const layout = new PanelLayout();
    layout.addWidget(new Widget({ node: head }));
    const text = element('div', 'kfnb-Log-text jp-RenderedText'); // JupyterLab styles colours there
    text.append(this._body);
    layout.addWidget(new Widget({ node: text }));
    layout.addWidget(this._values);
    layout.addWidget(this._shown);
    this.layout = layout;
    this._session.changed.connect(this._refresh, this);
    this._refresh();
  }

  /** What is shown, as text. */
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
    if (!run && this._attempt) {
      this.dispose(); // the run was deleted
      return;
    }
    const progress = this._session.progress(this.step);
    const paths = progress?.paths ?? [];
    if (paths.join() !== this._known) {
      this._known = paths.join();
      this._paths.replaceChildren(...paths.map(path => new Option(path, path)));
      this._paths.hidden = paths.length < 2;
    }
    const path = paths.includes(this._path) ? this._path : (progress?.path ?? '');
    const attempt = `${run} ${path} ${progress?.attempts ?? 0}`;
    if (path && progress?.runs.length && attempt !== this._attempt) {
      this._attempt = attempt;
      this._open(path);
    }
  }

  /** Show the log of a path; of its last attempt, unless another is asked for. */
  private _open(path: string, attempt = 0): void {
    this._path = path;
    this._asked = attempt;
    this._paths.value = path;
    this._next = 0;
    this._style = PLAIN;
    this._body.replaceChildren();
    this._values.node.replaceChildren();
    [...this._shown.widgets].forEach(widget => widget.dispose());
    say(this._title, this._trans.__('Log of %1', path));
    void this._ask(++this._turn);
  }

  private async _ask(turn: number): Promise<void> {
    const run = this._session.run?.run.run;
    if (!run || !this._session.progress(this.step)?.runs.length) {
      return; // the record does not know of the step yet: `_refresh` begins when it does
    }
    let more = false;
    let over: boolean;
    try {
      const part = await this._session.api.log(run, this._path, this._next, this._asked);
      if (turn !== this._turn || this.isDisposed) {
        return;
      }
      this._showTries(part.attempt, part.attempts);
      this._add(part.lines.map(([, text]) => text));
      more = part.next > this._next && !part.all && part.lines.length > 500;
      over = part.all;
      this._next = part.next;
    } catch {
      over = !this._session.active;
    }
    if (over) {
      await Promise.all([this._showValues(run, turn), this._showOutputs(run, turn)]);
    } else if (!this.isDisposed) {
      this._timer = window.setTimeout(() => void this._ask(turn), more ? 0 : ASK_EVERY);
    }
  }

  private _showTries(shown: number, count: number): void {
    if (this._tries.options.length !== count) {
      const numbers = Array.from({ length: count }, (_, at) => String(at + 1));
      this._tries.replaceChildren(...numbers.map(number => new Option(this._trans.__('attempt %1', number), number)));
      this._tries.hidden = count < 2;
    }
    this._tries.value = String(shown);
  }

  private _add(lines: string[]): void {
    const atEnd = this._body.scrollHeight - this._body.scrollTop - this._body.clientHeight < 24;
    const rows = lines.map(line => {
      const row = element('div', 'kfnb-Log-line');
      const [found, style] = pieces(line, this._style);
      this._style = style;
      row.append(
        ...found.map(piece =>
          piece.classes.length ? element('span', piece.classes.join(' '), piece.text) : piece.text
        )
      );
      return row;
    });
    this._body.append(...rows);
    while (this._body.childElementCount > MOST) {
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
    const wanted = this._search.value.toLowerCase();
    for (const line of this._body.children) {
      (line as HTMLElement).hidden = wanted !== '' && !line.textContent.toLowerCase().includes(wanted);
    }
  }

  private async _showValues(run: string, turn: number): Promise<void> {
    const found = await this._session.api.values(run, this._path).catch(() => ({ inputs: [], outputs: [] }));
    if (turn === this._turn && !this.isDisposed) {
      this._values.node.replaceChildren(valuesTable(found, this._trans) ?? '');
    }
  }

  private async _showOutputs(run: string, turn: number): Promise<void> {
    const { outputs } = await this._session.api.displayed(run, this._path).catch(() => ({ outputs: [] }));
    if (turn !== this._turn || this.isDisposed) {
      return;
    }
    for (const output of outputs.slice(0, MOST_OUTPUTS)) {
      await this._render(output);
    }
  }

  private async _render(output: Output): Promise<void> {
    const data = output.data as PartialJSONObject;
    // what a step displayed is no more to be trusted than the notebook's own outputs
    const mime = this._rendermime.preferredMimeType(data, 'any');
    if (!mime || mime === 'text/plain' || ERROR in data) {
      return;
    }
    const widget = this._rendermime.createRenderer(mime);
    widget.addClass('kfnb-Log-output');
    this._shown.addWidget(widget);
    await widget.renderModel(new MimeModel({ data, trusted: false })).catch(() => widget.dispose());
  }

  private readonly _title: HTMLElement;
  private readonly _paths: HTMLSelectElement;
  private readonly _tries: HTMLSelectElement;
  private readonly _search: HTMLInputElement;
  private readonly _body: HTMLPreElement;
  private readonly _values = new Widget();
  private readonly _shown = new Panel();
  private _known = '-';
  private _attempt = '';
  private _path = '';
  private _asked = 0;
  private _next = 0;
  private _style: Style = PLAIN;
  private _turn = 0;
  private _timer = 0;
}
