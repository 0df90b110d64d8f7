import { element } from '../elements';
import { Style, styleLine } from './ansi-colors';

/** A line of a log as an element, with terminal colours as classes, and the style in which the next line begins. */
export function logRow(className: string, line: string, start: Style): [HTMLElement, Style] {
  const row = element('div', className);
  const [texts, style] = styleLine(line, start);
  row.append(
    ...texts.map(piece => (piece.classes.length ? element('span', piece.classes.join(' '), piece.text) : piece.text))
  );
  return [row, style];
}
