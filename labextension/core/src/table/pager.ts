/** The line below a table that shows some of its rows: which ones, and buttons for others. */

import { button, element, setText } from '../elements';
import { Translator } from '../translator';
import { TablePage } from '../wire/api-types';

export class Pager {
  readonly node = element('div', 'kfnb-Pager');

  /** `load` is called with the number of the row at which a page begins. */
  constructor(
    private readonly _trans: Translator,
    private readonly _load: (start: number) => void
  ) {
    this._words.setAttribute('role', 'status');
    this._first = this._button(_trans.__('The first rows'), '«', () => 0);
    this._before = this._button(_trans.__('The rows before'), '‹', ({ start, count }) => Math.max(0, start - count));
    this._after = this._button(_trans.__('The next rows'), '›', ({ start, count }) => start + count);
    this._last = this._button(_trans.__('The last rows'), '»', ({ rows }) => Math.max(0, rows - this._size));
    this.node.append(this._first, this._before, this._words, this._after, this._last);
  }

  show(page: TablePage): void {
    this._page = page;
    this._size = Math.max(this._size, page.count);
    const { start, count, rows } = page;
    const [from, to, all] = [start + 1, start + count, rows].map(number => number.toLocaleString());
    setText(this._words, this._trans.__('rows %1 to %2 of %3', from, to, all));
    this.node.hidden = count === rows;
    this._first.disabled = this._before.disabled = start === 0;
    this._after.disabled = this._last.disabled = start + count >= rows;
  }

  private _button(label: string, sign: string, start: (page: TablePage) => number): HTMLButtonElement {
    return button('kfnb-Pager-button', label, sign, () => {
      if (this._page) {
        this._load(start(this._page));
      }
    });
  }

  private readonly _words = element('span', 'kfnb-Pager-words');
  private readonly _first: HTMLButtonElement;
  private readonly _before: HTMLButtonElement;
  private readonly _after: HTMLButtonElement;
  private readonly _last: HTMLButtonElement;
  private _page: TablePage | null = null;
  private _size = 1; // rows of a full page
}
