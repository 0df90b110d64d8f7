/** The words of a graph: what steps stand in, and where they are. Python writes the same in English, in pictures that are files. */

import { Translator } from '../translator';
import { Box, Frame } from '../wire/api-types';

/** What steps stand in. */
export function surroundings({ kind, text }: Pick<Box | Frame, 'kind' | 'text'>, trans: Translator): string {
  switch (kind) {
    case 'if':
      return text ? trans.__('if %1', text) : trans.__('else');
    case 'loop':
      return trans.__('for each of %1', text);
    case 'try':
      return trans.__('try');
    case 'finally':
      return trans.__('at the end, always');
    default:
      return '';
  }
}

/** What people read of a step: its name; of a step that kfnb has added, what it decides or goes through. */
export function stepLabel(label: string, trans: Translator): string {
  const [, word, text] = /^(if|for each of) (.*)$/s.exec(label) ?? [];
  return word ? surroundings({ kind: word === 'if' ? 'if' : 'loop', text }, trans) : label;
}

/** What people read of a box: a step, or a folded frame. */
export function boxName(box: Box, trans: Translator): string {
  return stepLabel(box.label, trans) || surroundings(box, trans);
}

/** What a step alone stands in; empty for a folded frame, whose name says it. */
export function boxNote(box: Box, trans: Translator): string {
  return box.steps.length ? '' : surroundings(box, trans);
}

/** The cells of a step, or how many steps a folded frame has; empty for a step that kfnb adds. */
export function boxPlace(box: Box, trans: Translator): string {
  if (box.steps.length) {
    return trans._n('%1 step', '%1 steps', box.steps.length);
  }
  const cells = box.cells.join(', ');
  return box.cells.length > 1 ? trans.__('cells %1', cells) : cells && trans.__('cell %1', cells);
}
