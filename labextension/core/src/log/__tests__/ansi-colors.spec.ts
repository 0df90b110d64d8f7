import { describe, expect, it } from 'vitest';

import { styleLine, PLAIN, Style } from '../ansi-colors';

const ESC = '\u001b';

function shown(line: string, style: Style = PLAIN): [string, string][] {
  return styleLine(line, style)[0].map(piece => [piece.text, piece.classes.join(' ')]);
}

describe('a line with colours', () => {
  it('is pieces with the classes that the theme styles', () => {
    expect(shown(`a ${ESC}[31mred${ESC}[1m bold${ESC}[0m end`)).toEqual([
      ['a ', ''],
      ['red', 'ansi-red-fg'],
      [' bold', 'ansi-red-fg ansi-bold'],
      [' end', '']
    ]);
    expect(shown(`${ESC}[92;44mx`)).toEqual([['x', 'ansi-green-intense-fg ansi-blue-bg']]);
  });

  it('goes on with the colours of the line before', () => {
    const [, style] = styleLine(`${ESC}[33mfirst`, PLAIN);
    expect(shown('second', style)).toEqual([['second', 'ansi-yellow-fg']]);
  });

  it('shows a progress bar as it last stood', () => {
    expect(shown('10%\r55%\r100%')).toEqual([['100%', '']]);
  });

  it('leaves out what moves a cursor or names a window', () => {
    expect(shown(`a${ESC}[2Kb${ESC}]0;title\u0007c${ESC}[38;5;196md${ESC}`)).toEqual([
      ['a', ''],
      ['b', ''],
      ['c', ''],
      ['d', '']
    ]);
  });

  it('survives a bomb of codes', () => {
    const [found] = styleLine(`${ESC}[31m`.repeat(200_000) + `${ESC}[${';'.repeat(500_000)}` + 'end', PLAIN);
    expect(found[found.length - 1].text.endsWith('end')).toBe(true);
  });
});
