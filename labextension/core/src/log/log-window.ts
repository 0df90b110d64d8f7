/** A scrolled list of lines of a log, with displays between them. Only the rows in sight are in the document. */

import { element } from '../elements';
import { PLAIN, Style, styleLine } from './ansi-colors';
import { visibleText } from './line-heights';
import { logRow } from './log-row';
import { LogSegment } from './log-segment';

const NEAR_END = 24; // pixels from the end within which the list follows what is added
const PROBE = 'm'.repeat(100);

/** What stands in the place of `count` lines from number `line` on; nothing where `node` is null. */
export interface LogBlock {
  line: number;
  count: number;
  node: HTMLElement | null;
}

export class LogWindow {
  readonly node: HTMLElement;

  constructor(
    bodyClass: string,
    private readonly _rowClass: string
  ) {
    this.node = element('div', `kfnb-LogWindow kfnb-Ansi ${bodyClass}`);
    this.node.tabIndex = 0;
    this.node.addEventListener('scroll', () => this._draw());
    this._sizes = new ResizeObserver(() => this._measure());
    this._sizes.observe(this.node);
  }

  dispose(): void {
    this._sizes.disconnect();
  }

  /** The number of the first line that it holds. */
  get first(): number {
    return this._first;
  }

  get count(): number {
    return this._lines.length;
  }

  /** All lines that it holds, as text. */
  get text(): string {
    return this._lines.map(visibleText).join('\n');
  }

  /** The number of the line at the top of what is in sight. */
  get topLine(): number {
    const at = this._lines.findIndex((_, index) => this._topOf(index) >= this.node.scrollTop);
    return this._first + Math.max(0, at);
  }

  get isAtEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.node;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  scrollToEnd(): void {
    this.node.scrollTop = this.node.scrollHeight;
    this._draw();
  }

  /** Replaces all lines. */
  setLines(first: number, lines: string[]): void {
    this._first = first;
    this._lines = lines;
    this._restyle(0, PLAIN);
    this._compose();
  }

  /** Adds lines at the end, and stays at the end if it is there. */
  append(lines: string[]): void {
    const follows = this.isAtEnd;
    const at = this._lines.length;
    this._lines.push(...lines);
    this._restyle(at, this._endStyle);
    const last = this._segments[this._segments.length - 1];
    if (last && last.first + last.count === at) {
      last.add(lines, this._columns, this._rowHeight);
      this._draw();
    } else {
      this._compose();
    }
    if (follows) {
      this.scrollToEnd();
    }
  }

  /** Adds lines at the beginning. What is in sight stays where it is. */
  prepend(lines: string[]): void {
    const below = this.node.scrollHeight - this.node.scrollTop;
    this.setLines(this._first - lines.length, [...lines, ...this._lines]);
    this.node.scrollTop = this.node.scrollHeight - below;
    this._draw();
  }

  /** Drops lines at the beginning. */
  dropFirst(count: number): void {
    const below = this.node.scrollHeight - this.node.scrollTop;
    this.setLines(this._first + count, this._lines.slice(count));
    this.node.scrollTop = this.node.scrollHeight - below;
    this._draw();
  }

  /** Drops lines at the end. What is in sight stays where it is. */
  dropLast(count: number): void {
    const { scrollTop } = this.node;
    this.setLines(this._first, this._lines.slice(0, this._lines.length - count));
    this.node.scrollTop = scrollTop;
    this._draw();
  }

  /** Puts displays in the places of their lines. They are in the order of these. */
  setBlocks(blocks: LogBlock[]): void {
    const follows = this.isAtEnd;
    this._blocks = blocks;
    this._compose();
    if (follows) {
      this.scrollToEnd();
    }
  }

  /** Marks the lines that have a text, and among them the current one. */
  mark(text: string, current: number | null): void {
    this._marked = text.toLowerCase();
    this._current = current;
    this._segments.forEach(segment => segment.forget());
    this._draw();
  }

  /** Scrolls to a line, by its number. */
  show(line: number): void {
    this.node.scrollTop = Math.max(0, this._topOf(line - this._first) - this.node.clientHeight / 3);
    this._draw();
  }

  private _topOf(index: number): number {
    const segment = this._segments.find(one => index < one.first + one.count) ?? this._segments[0];
    if (!segment) {
      return 0;
    }
    const at = Math.min(Math.max(index, segment.first), segment.first + segment.count);
    return segment.node.offsetTop + segment.topOf(at, this._rowHeight);
  }

  /** The style in which each line from `at` on begins. */
  private _restyle(at: number, style: Style): void {
    this._styles.length = at;
    for (const line of this._lines.slice(at)) {
      this._styles.push(style);
      style = line.includes('\x1b') ? styleLine(line, style)[1] : style;
    }
    this._endStyle = style;
  }

  /** Makes the list anew: segments of lines, with the displays between them. */
  private _compose(): void {
    this._segments = [];
    const parts: HTMLElement[] = [];
    const end = this._lines.length;
    const add = (from: number, to: number) => {
      const segment = new LogSegment(from);
      segment.add(this._lines.slice(from, to), this._columns, this._rowHeight);
      this._segments.push(segment);
      parts.push(segment.node);
    };
    let at = 0;
    for (const block of this._blocks) {
      const from = block.line - this._first;
      if (from < 0 || from > end) {
        continue; // its lines are not here
      }
      if (from > at) {
        add(at, from);
      }
      if (block.node) {
        parts.push(block.node);
      }
      at = Math.max(at, from + block.count);
    }
    if (at < end || parts.length === 0) {
      add(Math.min(at, end), end);
    }
    this.node.replaceChildren(...parts);
    this._draw();
  }

  private _draw(): void {
    const { scrollTop, clientHeight } = this.node;
    for (const segment of this._segments) {
      const top = scrollTop - segment.node.offsetTop;
      segment.draw(top, top + clientHeight, this._rowHeight, index => this._row(index));
    }
  }

  private _row(index: number): HTMLElement {
    const [row] = logRow(this._rowClass, this._lines[index], this._styles[index]);
    if (this._marked && visibleText(this._lines[index]).toLowerCase().includes(this._marked)) {
      row.classList.add('kfnb-mod-found');
      row.classList.toggle('kfnb-mod-current', this._first + index === this._current);
    }
    return row;
  }

  /** Measures the letters, once it is in the document and whenever its width changes. */
  private _measure(): void {
    const width = this.node.clientWidth;
    if (width === 0 || width === this._width) {
      this._draw();
      return;
    }
    const follows = this.isAtEnd;
    this._width = width;
    const probe = element('div', this._rowClass);
    const letters = element('span', '', PROBE);
    probe.style.whiteSpace = 'pre';
    probe.append(letters);
    this.node.append(probe);
    this._rowHeight = probe.getBoundingClientRect().height || this._rowHeight;
    const letter = letters.getBoundingClientRect().width / PROBE.length;
    probe.remove();
    this._columns = letter ? Math.max(10, Math.floor(width / letter)) : this._columns;
    this._compose();
    if (follows) {
      this.scrollToEnd();
    }
  }

  private readonly _sizes: ResizeObserver;
  private _lines: string[] = [];
  private _styles: Style[] = [];
  private _endStyle: Style = PLAIN;
  private _blocks: LogBlock[] = [];
  private _segments: LogSegment[] = [];
  private _first = 0;
  private _rowHeight = 17;
  private _columns = 80;
  private _width = 0;
  private _marked = '';
  private _current: number | null = null;
}
