/** The log of an attempt as far as it was loaded: its end at first, with buttons for the lines above and below. */

import { button, element, setText } from '../elements';
import { Translator } from '../translator';
import { LogChunk, LogMatches } from '../wire/api-types';
import { LogWindow } from './log-window';

const POLL_INTERVAL = 300; // milliseconds between two requests while the step runs

const LARGEST_PART = 2_000; // lines that are dropped together, as many as the server sends in one answer
export const MOST_LINES = 20_000; // that are held unless the user prefers another number

export type LogQuery = { start: number } | { before: number | 'end' };

/** Where the lines come from. */
export interface LogSource {
  log(query: LogQuery): Promise<LogChunk>;
  matches(text: string): Promise<LogMatches>;
  /** Whether more can come although a request has failed. */
  readonly active: boolean;
  /** How many lines are held at most. Those at the other end are dropped, and can be loaded again. */
  readonly most: number;
}

/** What the owner of a log wants to know of it. */
export interface LogListener {
  loaded(chunk: LogChunk): void;
  /** Nothing will follow. */
  ended(): void;
}

export class LogView {
  readonly node = element('div', 'kfnb-LogView');
  readonly lines: LogWindow;

  constructor(
    private readonly _trans: Translator,
    private readonly _listener: LogListener,
    bodyClass: string,
    rowClass: string
  ) {
    this.lines = new LogWindow(bodyClass, rowClass);
    this.lines.node.setAttribute('aria-label', _trans.__('Lines of the log'));
    this.lines.node.setAttribute('role', 'group');
    this._above = this._more(_trans.__('Load the lines above'), () => void this._loadAbove());
    this._below = this._more(_trans.__('Load the lines below'), () => void this._loadBelow());
    this._toEnd = this._more(_trans.__('Show the end of the log'), () => this._source && this.open(this._source));
    setText(this._toEnd, _trans.__('to the end'));
    this._foot.append(this._below, this._toEnd);
    this.node.append(this._above, this.lines.node, this._foot);
    this._showMore();
  }

  dispose(): void {
    this._turn++;
    window.clearTimeout(this._timer);
    this.lines.dispose();
  }

  get source(): LogSource | null {
    return this._source;
  }

  /** Whether more lines may come. */
  get grows(): boolean {
    return !this._ended;
  }

  /** Shows the end of a log, and what is added to it. */
  open(source: LogSource): void {
    const turn = ++this._turn;
    window.clearTimeout(this._timer);
    this._source = source;
    this._ended = false;
    this._chunks = [];
    this._total = this._end = 0;
    this.lines.setLines(0, []);
    this._showMore();
    void this._poll(turn, { before: 'end' });
  }

  /** Shows a line, by its number and its first byte. */
  async reveal(line: number, byte: number): Promise<void> {
    const { first, count } = this.lines;
    if (line < first || line >= first + count) {
      const turn = this._turn;
      const source = this._source;
      if (!source) {
        return;
      }
      const above = byte > 0 ? await source.log({ before: byte }) : null;
      const below = await source.log({ start: byte });
      if (turn !== this._turn) {
        return;
      }
      const parts = above ? [above, below] : [below];
      this._chunks = parts.map(size);
      this.lines.setLines(line - (above?.lines.length ?? 0), parts.flatMap(texts));
      this._showMore();
    }
    this.lines.show(line);
  }

  /** Asks for what has been added, as long as something can be. */
  private async _poll(turn: number, query: LogQuery): Promise<void> {
    const source = this._source;
    if (!source) {
      return;
    }
    let more = false;
    try {
      const chunk = await source.log(query);
      if (turn !== this._turn) {
        return;
      }
      const isFollowing = this._next === this._end;
      this._end = chunk.next;
      if (chunk.first !== null) {
        this._total = chunk.first + chunk.lines.length;
        this._chunks = [size(chunk)];
        this.lines.setLines(chunk.first, texts(chunk));
        this.lines.scrollToEnd();
      } else {
        this._total += chunk.lines.length;
        if (isFollowing && chunk.lines.length) {
          this._append(chunk);
        }
      }
      more = chunk.lines.length > 500;
      this._ended = chunk.all;
      this._showMore();
      this._listener.loaded(chunk);
    } catch {
      this._ended = !source.active;
    }
    if (turn !== this._turn) {
      return;
    }
    if (this._ended) {
      this._listener.ended();
    } else {
      this._timer = window.setTimeout(() => void this._poll(turn, { start: this._end }), more ? 0 : POLL_INTERVAL);
    }
  }

  private async _loadAbove(): Promise<void> {
    const turn = this._turn;
    const chunk = await this._source?.log({ before: this._chunks[0]?.begin ?? 0 }).catch(() => null);
    if (chunk?.lines.length && turn === this._turn && chunk.next === this._chunks[0]?.begin) {
      this._chunks.unshift(size(chunk));
      this.lines.prepend(texts(chunk));
      while (this._isTooLong) {
        this.lines.dropLast(this._chunks.pop()?.count ?? 0);
      }
      this._showMore();
    }
  }

  private async _loadBelow(): Promise<void> {
    const turn = this._turn;
    const chunk = await this._source?.log({ start: this._next }).catch(() => null);
    if (chunk?.lines.length && turn === this._turn && chunk.begin === this._next) {
      this._append(chunk);
      this._showMore();
    }
  }

  private _append(chunk: LogChunk): void {
    const last = this._chunks[this._chunks.length - 1];
    if (last && last.count + chunk.lines.length <= LARGEST_PART) {
      last.next = chunk.next;
      last.count += chunk.lines.length;
    } else {
      this._chunks.push(size(chunk));
    }
    this.lines.append(texts(chunk));
    while (this._isTooLong) {
      this.lines.dropFirst(this._chunks.shift()?.count ?? 0);
    }
  }

  private _showMore(): void {
    const { first, count } = this.lines;
    const below = Math.max(0, this._total - first - count);
    setText(this._above, this._trans._n('%1 line above', '%1 lines above', first));
    setText(this._below, this._trans._n('%1 line below', '%1 lines below', below));
    this._above.hidden = first === 0;
    this._foot.hidden = below === 0;
  }

  private get _isTooLong(): boolean {
    return this.lines.count > (this._source?.most ?? MOST_LINES) && this._chunks.length > 1;
  }

  /** The byte after the last line that is here. */
  private get _next(): number {
    return this._chunks[this._chunks.length - 1]?.next ?? 0;
  }

  private _more(label: string, act: () => void): HTMLButtonElement {
    const node = button('kfnb-LogView-more', label, '', act);
    node.removeAttribute('aria-label'); // its text is its name
    return node;
  }

  private readonly _above: HTMLButtonElement;
  private readonly _below: HTMLButtonElement;
  private readonly _toEnd: HTMLButtonElement;
  private readonly _foot = element('div', 'kfnb-LogView-foot');
  private _source: LogSource | null = null;
  private _chunks: Size[] = []; // the parts of the log that are here, in order and without gaps
  private _total = 0; // lines of the whole log, as far as is known
  private _end = 0; // the byte at which the next line will begin
  private _ended = true;
  private _turn = 0;
  private _timer = 0;
}

interface Size {
  begin: number;
  next: number;
  count: number;
}

function size({ begin, next, lines }: LogChunk): Size {
  return { begin, next, count: lines.length };
}

function texts({ lines }: LogChunk): string[] {
  return lines.map(([, text]) => text);
}
