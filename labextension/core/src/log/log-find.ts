/** The field that finds a text in a whole log: how many lines have it, and the next and the one before. */

import { button, element, setText } from '../elements';
import { Translator } from '../translator';
import { LogMatches } from '../wire/api-types';
import { LogView } from './log-view';

const DELAY = 200; // milliseconds without a letter, after which the log is searched

export class LogFind {
  readonly node = element('div', 'kfnb-LogFind');

  constructor(
    private readonly _trans: Translator,
    private readonly _view: LogView
  ) {
    const label = _trans.__('Find in the log');
    this._input.type = 'search';
    this._input.placeholder = label;
    this._input.setAttribute('aria-label', label);
    this._input.addEventListener('input', () => {
      window.clearTimeout(this._timer);
      this._timer = window.setTimeout(() => void this._search(), DELAY);
    });
    this._input.addEventListener('keydown', event => this._onKey(event));
    this._count.setAttribute('role', 'status');
    const before = button('kfnb-LogFind-button', _trans.__('The match before (Shift+Enter)'), '↑', () => this._go(-1));
    const after = button('kfnb-LogFind-button', _trans.__('The next match (Enter)'), '↓', () => this._go(1));
    this._buttons = [before, after];
    this.node.append(this._input, this._count, before, after);
    this._show();
  }

  dispose(): void {
    window.clearTimeout(this._timer);
  }

  /** Searches again: another log is shown. */
  refresh(): void {
    void this._search();
  }

  private _onKey(event: KeyboardEvent): void {
    event.stopPropagation(); // the notebook's keyboard shortcuts must not act while the user types here
    if (event.key === 'Enter') {
      this._go(event.shiftKey ? -1 : 1);
    } else if (event.key === 'Escape' && this._input.value) {
      this._input.value = '';
      void this._search();
    }
  }

  private async _search(): Promise<void> {
    const turn = ++this._turn;
    const text = this._input.value;
    const found = text ? await this._view.source?.matches(text).catch(() => null) : null;
    if (turn !== this._turn) {
      return;
    }
    this._found = found ?? null;
    const top = this._view.lines.topLine;
    const places = found?.places ?? [];
    this._at = Math.max(
      0,
      places.findIndex(([line]) => line >= top)
    );
    await this._reveal();
  }

  private _go(step: number): void {
    const count = this._found?.places.length ?? 0;
    if (count) {
      this._at = (this._at + step + count) % count;
      void this._reveal();
    }
  }

  private async _reveal(): Promise<void> {
    const place = this._found?.places[this._at];
    this._view.lines.mark(this._found ? this._input.value : '', place?.[0] ?? null);
    this._show();
    if (place) {
      await this._view.reveal(place[0], place[1]).catch(() => undefined); // the log is gone: there is nothing to show
    }
  }

  private _show(): void {
    const found = this._found;
    this._buttons.forEach(one => (one.disabled = !found?.count));
    setText(
      this._count,
      !found
        ? ''
        : found.count === 0
          ? this._trans.__('nowhere')
          : this._trans.__('%1 of %2', this._at + 1, found.count)
    );
  }

  private readonly _input = element('input', 'kfnb-LogFind-input');
  private readonly _count = element('span', 'kfnb-LogFind-count');
  private readonly _buttons: HTMLButtonElement[];
  private _found: LogMatches | null = null;
  private _at = 0;
  private _turn = 0;
  private _timer = 0;
}
