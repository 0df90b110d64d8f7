/** What an attempt of a step printed and displayed, in order, and below that its inputs and outputs. */

import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { PanelLayout, Widget } from '@lumino/widgets';

import { element } from '@kfnb/core/elements';
import { LogFind } from '@kfnb/core/log/log-find';
import { LogView } from '@kfnb/core/log/log-view';
import { LogBlock } from '@kfnb/core/log/log-window';
import { LogChunk } from '@kfnb/core/wire/api-types';
import { Attempt } from './attempt';
import { announceAttached, displayBlock, disposeDisplays } from './display-block';
import { valuesTable } from './values-table';

const MAX_DISPLAYS = 200;

export class AttemptOutput extends Widget {
  /** `onChunk` is told of each part of the log that arrives: it says how many attempts there are. */
  constructor(
    private readonly _rendermime: IRenderMimeRegistry,
    private readonly _trans: TranslationBundle,
    onChunk: (chunk: LogChunk) => void
  ) {
    super();
    const listener = { loaded: onChunk, ended: () => void this._showRest() };
    this._log = new LogView(_trans, listener, 'kfnb-Log-body', 'kfnb-Log-line');
    this._find = new LogFind(_trans, this._log);
    const text = element('div', 'kfnb-Log-text');
    text.append(this._log.node);
    const layout = new PanelLayout();
    layout.addWidget(new Widget({ node: text }));
    layout.addWidget(this._values);
    this.layout = layout;
  }

  /** The field that searches the log, for the head of what this is in. */
  get findNode(): HTMLElement {
    return this._find.node;
  }

  /** The lines of the log that are loaded, as text. */
  get text(): string {
    return this._log.lines.text;
  }

  open(attempt: Attempt): void {
    this._attempt = attempt;
    this._log.lines.setBlocks([]);
    this._values.node.replaceChildren();
    this._disposeDisplays();
    this._log.open(attempt);
    this._find.refresh();
  }

  dispose(): void {
    this._attempt = null;
    this._log.dispose();
    this._find.dispose();
    this._disposeDisplays();
    super.dispose();
  }

  /** Shows the displays and the values, once the attempt has ended. */
  private async _showRest(): Promise<void> {
    const attempt = this._attempt;
    if (attempt) {
      await Promise.all([this._showDisplays(attempt), this._showValues(attempt)]);
    }
  }

  private async _showDisplays(attempt: Attempt): Promise<void> {
    const displays = await attempt.displays().catch(() => []);
    const widgets: Widget[] = [];
    const blocks: LogBlock[] = [];
    for (const shown of displays.slice(-MAX_DISPLAYS)) {
      const block = await displayBlock(shown, attempt, this._rendermime, this._trans, widgets);
      if (block) {
        blocks.push(block);
      }
    }
    if (attempt !== this._attempt) {
      disposeDisplays(widgets);
      return;
    }
    this._widgets = widgets;
    this.toggleClass(
      'kfnb-mod-displays',
      blocks.some(block => block.node)
    );
    this._log.lines.setBlocks(blocks);
    announceAttached(widgets);
  }

  private async _showValues(attempt: Attempt): Promise<void> {
    const values = await attempt.values().catch(() => ({ inputs: [], outputs: [] }));
    if (attempt === this._attempt) {
      this._values.node.replaceChildren(valuesTable(values, attempt, this._trans) ?? '');
    }
  }

  private _disposeDisplays(): void {
    disposeDisplays(this._widgets);
    this._widgets = [];
  }

  private readonly _log: LogView;
  private readonly _find: LogFind;
  private readonly _values = new Widget();
  private _widgets: Widget[] = [];
  private _attempt: Attempt | null = null;
}
