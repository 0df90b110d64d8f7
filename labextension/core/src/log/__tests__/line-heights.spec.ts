import { describe, expect, it } from 'vitest';

import { addRows, columnsOf, lineAt, visibleText } from '../line-heights';

describe('the rows that lines take', () => {
  it('counts letters, wide letters twice, and no colours', () => {
    expect(columnsOf('abc')).toBe(3);
    expect(columnsOf('한글')).toBe(4);
    expect(columnsOf('\x1b[31mred\x1b[0m')).toBe(3);
    expect(visibleText('10 %\r20 %')).toBe('20 %');
  });

  it('adds up, and finds the line of a row', () => {
    const begins = [0];
    addRows(begins, ['', 'a'.repeat(25), 'b'], 10);
    expect(begins).toEqual([0, 1, 4, 5]);
    addRows(begins, ['c'.repeat(11)], 10);
    expect(begins).toEqual([0, 1, 4, 5, 7]);
    expect([0, 1, 2, 3, 4, 6, 7].map(row => lineAt(begins, row))).toEqual([0, 1, 1, 1, 2, 3, 4]);
  });
});
