/** Suggests a name for a step from the code of its cell. */

/** A name from the comment at the start of the cell, else from the first variable that it assigns; may be empty. */
export function suggestedName(source: string): string {
  const comment = /^\s*#+\s*(.+)/.exec(source)?.[1] ?? '';
  const words = comment.toLowerCase().match(/[a-z][a-z0-9]*/g) ?? [];
  if (words.length > 0 && words.length <= 4) {
    return words.join('-');
  }
  return (/^([a-z][a-z0-9_]*)\s*=[^=]/im.exec(source)?.[1] ?? '').toLowerCase().replace(/_/g, '-').replace(/-+$/, '');
}
