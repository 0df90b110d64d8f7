/** Splits a line with terminal colours into texts with the CSS classes that JupyterLab styles. Pure functions. */

export interface StyledText {
  text: string;
  classes: string[];
}

const COLORS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const ESCAPE = '\\x1b';
const ESCAPE_SEQUENCES = new RegExp(
  [
    `${ESCAPE}\\[([0-9;]{0,64})m`, // a style
    `${ESCAPE}\\[[0-?]{0,32}[ -/]{0,8}[@-~]`, // cursor movements
    `${ESCAPE}\\][^\\x07${ESCAPE}]{0,512}(?:\\x07|${ESCAPE}\\\\)?`, // window titles
    `${ESCAPE}.?`
  ].join('|'),
  'g'
);

/** The style at a position of a log. It continues from one line to the next. */
export interface Style {
  foreground: string | null;
  background: string | null;
  bold: boolean;
  underline: boolean;
}

export const PLAIN: Style = { foreground: null, background: null, bold: false, underline: false };

/** The styled texts of a line, and the style after it. A carriage return starts the line again, as progress bars do. */
export function styleLine(line: string, start: Style): [StyledText[], Style] {
  const visible = line.slice(line.lastIndexOf('\r') + 1);
  const texts: StyledText[] = [];
  let style = start;
  let at = 0;
  for (const match of visible.matchAll(ESCAPE_SEQUENCES)) {
    append(texts, visible.slice(at, match.index), style);
    at = match.index + match[0].length;
    if (match[1] !== undefined) {
      style = applyCodes(style, match[1]);
    }
  }
  append(texts, visible.slice(at), style);
  return [texts, style];
}

function append(texts: StyledText[], text: string, style: Style): void {
  if (text) {
    texts.push({ text, classes: classNames(style) });
  }
}

function classNames(style: Style): string[] {
  const names: string[] = [];
  if (style.foreground) {
    names.push(`ansi-${style.foreground}-fg`);
  }
  if (style.background) {
    names.push(`ansi-${style.background}-bg`);
  }
  if (style.bold) {
    names.push('ansi-bold');
  }
  if (style.underline) {
    names.push('ansi-underline');
  }
  return names;
}

function applyCodes(before: Style, codes: string): Style {
  let style = { ...before };
  const numbers = codes === '' ? [0] : codes.split(';').map(Number);
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at];
    if (code === 0) {
      style = { ...PLAIN };
    } else if (code === 1 || code === 22) {
      style.bold = code === 1;
    } else if (code === 4 || code === 24) {
      style.underline = code === 4;
    } else if (code === 38 || code === 48) {
      at += numbers[at + 1] === 5 ? 2 : 4; // numbered colours are skipped, because themes do not define them
    } else if (code === 39) {
      style.foreground = null;
    } else if (code === 49) {
      style.background = null;
    } else {
      applyColor(style, code);
    }
  }
  return style;
}

function applyColor(style: Style, code: number): void {
  const name = COLORS[code % 10];
  const tens = Math.floor(code / 10);
  if (name === undefined) {
    return;
  }
  if (tens === 3 || tens === 9) {
    style.foreground = tens === 9 ? `${name}-intense` : name;
  } else if (tens === 4 || tens === 10) {
    style.background = tens === 10 ? `${name}-intense` : name;
  }
}
