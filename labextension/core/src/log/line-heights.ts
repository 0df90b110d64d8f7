/** How many rows the lines of a log take, so that a list knows where each stands without drawing it. Pure functions. */

import { PLAIN, styleLine } from './ansi-colors';

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;
const TAB = 8; // columns

/** The columns that a line takes in a font whose letters are equally wide. */
export function columnsOf(line: string): number {
  const text = visibleText(line);
  const wide = text.match(WIDE)?.length ?? 0;
  const tabs = text.includes('\t') ? text.split('\t').length - 1 : 0;
  return text.length + wide + tabs * (TAB - 1);
}

/** A line without terminal colours, and without what a carriage return wrote over. */
export function visibleText(line: string): string {
  if (!line.includes('\x1b') && !line.includes('\r')) {
    return line;
  }
  return styleLine(line, PLAIN)[0]
    .map(piece => piece.text)
    .join('');
}

/** Adds to the number of the row at which each line begins, and at the end the number of all rows. */
export function addRows(begins: number[], lines: readonly string[], columns: number): void {
  let row = begins.pop() ?? 0;
  for (const line of lines) {
    begins.push(row);
    row += Math.max(1, Math.ceil(columnsOf(line) / Math.max(1, columns)));
  }
  begins.push(row);
}

/** The index of the line in which a row is: the last that begins at or before it. */
export function lineAt(begins: readonly number[], row: number): number {
  let low = 0;
  let high = begins.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (begins[middle] <= row) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}
