/**
 * Reads and changes the marks of a cell by the rules of `kfnb/notebook/marks/cell_marks.py`. A mark can be a tag, an
 * entry of `metadata.kfnb`, or an option of the `%%component` line. A change keeps the place of the mark; a new mark
 * becomes an option if the cell has a `%%component` line, else a tag. Pure functions.
 */

import { FLAG_MARKS, KALE_MARKS, ROLE_TAGS, STEP_MARKS } from './mark-table';

/** The parts of a cell that can carry marks. */
export interface CellContent {
  source: string;
  metadata: Record<string, unknown>;
}

const MAGIC = /^(?<before>(?:[^\S\n]*\n)*%%component)(?!\S)(?<line>[^\n]*)/;
const ROLE_MAGIC = /^((?:[^\S\n]*\n)*)%%(?<role>parameters|imports|functions|metrics|skip)(?!\S)[^\n]*\n?/;
const SHELL_WORD = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g;
const UNQUOTED = /^[\w.:=/@%+,-]+$/;

/** Whether the cell begins with `%%component`. */
function isMagic(cell: CellContent): boolean {
  return MAGIC.test(cell.source);
}

/** All values of a mark; `['']` for a mark without a value. */
export function markValues(cell: CellContent, mark: string): string[] {
  const inTags = cellTags(cell).flatMap(tag => {
    const [name, value] = splitTag(tag);
    return name === mark ? [value] : [];
  });
  return [
    ...inTags,
    ...metadataValues(cell, mark),
    ...magicOptions(cell).flatMap(one => (one.mark === mark ? [one.value] : []))
  ];
}

/** The cell with exactly these values of a mark. */
export function withMarkValues(cell: CellContent, mark: string, values: string[]): CellContent {
  const inMagic = magicOptions(cell).some(option => option.mark === mark);
  const inMetadata = metadataValues(cell, mark).length > 0;
  const inTags = cellTags(cell).some(tag => splitTag(tag)[0] === mark);
  const place =
    inMagic || (isMagic(cell) && !inMetadata && !inTags) ? 'magic' : inMetadata && !inTags ? 'metadata' : 'tags';
  const none: string[] = [];
  const metadata = withMetadataValues(
    withTags(cell.metadata, mark, place === 'tags' ? values : none),
    mark,
    place === 'metadata' ? values : none
  );
  return { source: withMagicOptions(cell, mark, place === 'magic' ? values : none), metadata };
}

/** The role of the cell from its tags or from a magic such as `%%parameters`; null if it has none. */
export function cellRole(cell: CellContent): string | null {
  const tag = cellTags(cell).find(tag => tag.trim() in ROLE_TAGS);
  return tag === undefined ? (ROLE_MAGIC.exec(cell.source)?.groups?.role ?? null) : ROLE_TAGS[tag.trim()];
}

/** The cell with this role only; null removes it. A change keeps the place of the role; a new role becomes a tag. */
export function withRole(cell: CellContent, role: string | null): CellContent {
  const others = cellTags(cell).filter(tag => !(tag.trim() in ROLE_TAGS));
  const inMagic = ROLE_MAGIC.test(cell.source);
  const inTags = others.length < cellTags(cell).length;
  const tags = role !== null && (inTags || !inMagic) ? [...others, role] : others;
  const line = role === null ? '' : `%%${role}\n`;
  const source = cell.source.replace(ROLE_MAGIC, (_, before: string) => before + line);
  return { source, metadata: updated(cell.metadata, 'tags', tags) };
}

/** The cell without the marks that only a step can have. */
export function withoutStep(cell: CellContent): CellContent {
  return STEP_MARKS.reduceRight((stripped, mark) => withMarkValues(stripped, mark, []), cell);
}

// -------------------------------------------------------------------- tags
/** The tags that are strings, because metadata can contain anything. */
function cellTags(cell: CellContent): string[] {
  return [cell.metadata.tags].flat().filter((tag): tag is string => typeof tag === 'string');
}

function splitTag(tag: string): [string, string] {
  const [, word, value] = /^\s*([^:]*?)\s*(?::(.*))?$/s.exec(tag) ?? ['', '', ''];
  return [KALE_MARKS[word] ?? word, (value ?? '').trim()];
}

/** Changes the tags of one mark at their place and in their spelling. Other tags stay as they are. */
function withTags(metadata: Record<string, unknown>, mark: string, values: string[]): Record<string, unknown> {
  const tags = cellTags({ source: '', metadata });
  const first = tags.findIndex(tag => splitTag(tag)[0] === mark);
  const spelled = first < 0 ? mark : (/^\s*([^:]*)/.exec(tags[first])?.[1].trim() ?? mark);
  const changed = values.map(value => (FLAG_MARKS.includes(mark) ? mark : `${spelled}:${value}`));
  const before = tags.slice(0, first < 0 ? tags.length : first);
  const after = tags.slice(before.length).filter(tag => splitTag(tag)[0] !== mark);
  return updated(metadata, 'tags', [...before, ...changed, ...after]);
}

// -------------------------------------------------------------------- metadata.kfnb
function metadataValues(cell: CellContent, mark: string): string[] {
  const settings = cell.metadata.kfnb;
  const value: unknown = settings instanceof Object ? (settings as Record<string, unknown>)[mark] : undefined;
  const values = [value].flat().filter(one => ['string', 'number', 'boolean'].includes(typeof one) && one !== '');
  return FLAG_MARKS.includes(mark) ? values.filter(Boolean).map(() => '') : values.map(one => String(one).trim());
}

function withMetadataValues(
  metadata: Record<string, unknown>,
  mark: string,
  values: string[]
): Record<string, unknown> {
  const settings = metadata.kfnb;
  if (!(settings instanceof Object) || (!(mark in settings) && values.length === 0)) {
    return metadata;
  }
  const value = FLAG_MARKS.includes(mark) ? true : values.length === 1 ? values[0] : values;
  return updated(metadata, 'kfnb', updated(settings as Record<string, unknown>, mark, values.length ? value : []));
}

/** The object with this value; an empty value removes the key. */
function updated(object: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  const changed = { ...object, [key]: value };
  if (value instanceof Object && Object.keys(value).length === 0) {
    delete changed[key];
  }
  return changed;
}

// -------------------------------------------------------------------- %%component
interface Option {
  mark: string;
  value: string;
  text: string; // as written in the line
}

function magicOptions(cell: CellContent): Option[] {
  const words = MAGIC.exec(cell.source)?.groups?.line.match(SHELL_WORD) ?? [];
  const options: Option[] = [];
  for (let at = 0; at < words.length; at++) {
    const text = words[at];
    const [, option, , value] = /^--([\w-]+)(=(.*))?$/s.exec(text) ?? [];
    if (option === undefined) {
      options.push({ mark: 'step', value: unquote(text), text });
    } else if (value !== undefined || FLAG_MARKS.includes(option)) {
      options.push({ mark: option, value: unquote(value ?? ''), text });
    } else {
      const value = words[++at] ?? '';
      options.push({ mark: option, value: unquote(value), text: `${text} ${value}`.trim() });
    }
  }
  return options;
}

function withMagicOptions(cell: CellContent, mark: string, values: string[]): string {
  const groups = MAGIC.exec(cell.source)?.groups;
  const options = magicOptions(cell);
  if (groups === undefined || (values.length === 0 && !options.some(option => option.mark === mark))) {
    return cell.source;
  }
  if (mark === 'step' && values.length === 0) {
    return cell.source.slice(groups.before.length + groups.line.length).replace(/^\n/, '');
  }
  const changed = values.map(value => optionText(mark, value));
  const first = options.findIndex(option => option.mark === mark);
  const texts = options.filter(option => option.mark !== mark).map(option => option.text);
  texts.splice(first < 0 ? texts.length : first, 0, ...changed);
  return [groups.before, ...texts].join(' ') + cell.source.slice(groups.before.length + groups.line.length);
}

function optionText(mark: string, value: string): string {
  if (FLAG_MARKS.includes(mark)) {
    return `--${mark}`;
  }
  const quoted = UNQUOTED.test(value) ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`;
  return mark === 'step' ? quoted : `--${mark} ${quoted}`;
}

/** The value of a word of a POSIX shell line, without quotation marks and escapes. */
function unquote(text: string): string {
  return text.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, one?: string) =>
    double !== undefined ? double.replace(/\\([\\"])/g, '$1') : (single ?? one ?? '')
  );
}
