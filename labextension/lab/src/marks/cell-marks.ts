/**
 * Reads and changes the marks of a cell by the rules of `kfnb/notebook/marks/cell_marks.py`. A mark can be a tag, an
 * entry of `metadata.kfnb`, or an option of the `%%component` line. A change keeps the place of the mark; a new mark
 * becomes an option if the cell has a `%%component` line, else a tag. Pure functions.
 */

import { KALE_MARKS, MARKS, MarkWord, ROLE_TAGS } from './mark-table';

/** The parts of a cell that can carry marks. */
export interface CellContent {
  source: string;
  metadata: Record<string, unknown>;
}

/** Where in a cell a mark is written: in a tag, in `metadata.kfnb`, or in the `%%component` line. */
export type Place = 'tags' | 'metadata' | 'magic';

/** A value of a mark, and where it is written. */
export interface PlacedValue {
  value: string;
  place: Place;
}

const MAGIC = /^(?<before>(?:[^\S\n]*\n)*%%component)(?!\S)(?<line>[^\n]*)/;
const ROLE_MAGIC = /^((?:[^\S\n]*\n)*)%%(?<role>parameters|imports|functions|metrics|skip)(?!\S)[^\n]*\n?/;
const SHELL_WORD = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g;
const UNQUOTED = /^[\w.:=/@%+,-]+$/;

/** Whether the mark has no value. */
export function isFlag(mark: string): boolean {
  return mark in MARKS && MARKS[mark as MarkWord].values === 'none';
}

/** All values of a mark with their places, in the order in which they are read; `''` for a mark without a value. */
export function placedValues(cell: CellContent, mark: string): PlacedValue[] {
  const at = (place: Place, values: string[]) => values.map(value => ({ value, place }));
  return [
    ...at('tags', tagValues(cell, mark)),
    ...at('metadata', metadataValues(cell, mark)),
    ...at(
      'magic',
      magicOptions(cell).flatMap(one => (one.mark === mark ? [one.value] : []))
    )
  ];
}

/** The cell with exactly these values of a mark, each at its place. */
export function withPlacedValues(cell: CellContent, mark: string, values: PlacedValue[]): CellContent {
  const at = (place: Place) => values.flatMap(one => (one.place === place ? [one.value] : []));
  return {
    source: withMagicOptions(cell, mark, at('magic')),
    metadata: withMetadataValues(withTags(cell.metadata, mark, at('tags')), mark, at('metadata'))
  };
}

/** Where a new value of a mark goes: where the mark stands already, else into the `%%component` line, else into the tags. */
export function placeOf(cell: CellContent, mark: string): Place {
  const places = placedValues(cell, mark).map(one => one.place);
  const isMagic = MAGIC.test(cell.source);
  return places.find(place => place !== 'metadata') ?? places[0] ?? (isMagic ? 'magic' : 'tags');
}

/** All values of a mark; `['']` for a mark without a value. */
export function markValues(cell: CellContent, mark: string): string[] {
  return placedValues(cell, mark).map(one => one.value);
}

/** The cell with exactly these values of a mark, all at one place. */
export function withMarkValues(cell: CellContent, mark: string, values: string[]): CellContent {
  const place = placeOf(cell, mark);
  return withPlacedValues(
    cell,
    mark,
    values.map(value => ({ value, place }))
  );
}

/** The role of the cell from its tags, from a magic such as `%%parameters`, or from `metadata.kfnb`; null if it has none. */
export function cellRole(cell: CellContent): string | null {
  const tag = cellTags(cell).find(tag => tag.trim() in ROLE_TAGS);
  return tag === undefined
    ? (ROLE_MAGIC.exec(cell.source)?.groups?.role ?? metadataRole(cell.metadata))
    : ROLE_TAGS[tag.trim()];
}

/** The cell with this role only; null removes it. A change keeps the place of the role; a new role becomes a tag. */
export function withRole(cell: CellContent, role: string | null): CellContent {
  const others = cellTags(cell).filter(tag => !(tag.trim() in ROLE_TAGS));
  const inMagic = ROLE_MAGIC.test(cell.source);
  const inTags = others.length < cellTags(cell).length;
  const inMetadata = metadataRole(cell.metadata) !== null;
  const tags = role !== null && (inTags || !(inMagic || inMetadata)) ? [...others, role] : others;
  const line = role === null ? '' : `%%${role}\n`;
  const source = cell.source.replace(ROLE_MAGIC, (_, before: string) => before + line);
  const metadata = inMetadata
    ? updated(
        cell.metadata,
        'kfnb',
        updated(settingsOf(cell.metadata), 'role', inTags || inMagic || role === null ? [] : role)
      )
    : cell.metadata;
  return { source, metadata: updated(metadata, 'tags', tags) };
}

/** The cell without the marks that only a step can have. */
export function withoutStep(cell: CellContent): CellContent {
  return Object.keys(MARKS).reduceRight((stripped, mark) => withPlacedValues(stripped, mark, []), cell);
}

// -------------------------------------------------------------------- tags
/** The tags that are strings, because metadata can contain anything. */
function cellTags(cell: CellContent): string[] {
  return [cell.metadata.tags].flat().filter((tag): tag is string => typeof tag === 'string');
}

function tagValues(cell: CellContent, mark: string): string[] {
  return cellTags(cell).flatMap(tag => {
    const [name, value] = splitTag(tag);
    return name === mark ? [value] : [];
  });
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
  const changed = values.map(value => (isFlag(mark) ? mark : `${spelled}:${value}`));
  const before = tags.slice(0, first < 0 ? tags.length : first);
  const after = tags.slice(before.length).filter(tag => splitTag(tag)[0] !== mark);
  return updated(metadata, 'tags', [...before, ...changed, ...after]);
}

// -------------------------------------------------------------------- metadata.kfnb
function settingsOf(metadata: Record<string, unknown>): Record<string, unknown> {
  return metadata.kfnb instanceof Object ? (metadata.kfnb as Record<string, unknown>) : {};
}

/** The keys under which the settings have a mark: its word, or the name of its field, such as `packages`. */
function keysOf(settings: Record<string, unknown>, mark: string): string[] {
  const names = mark in MARKS ? [mark, MARKS[mark as MarkWord].field] : [mark];
  return Object.keys(settings).filter(key => names.includes(key));
}

function metadataRole(metadata: Record<string, unknown>): string | null {
  const { role } = settingsOf(metadata);
  return typeof role === 'string' ? (ROLE_TAGS[role] ?? null) : null;
}

function metadataValues(cell: CellContent, mark: string): string[] {
  const settings = settingsOf(cell.metadata);
  const values = keysOf(settings, mark)
    .flatMap(key => settings[key])
    .filter(one => ['string', 'number', 'boolean'].includes(typeof one) && one !== '');
  return isFlag(mark) ? values.filter(Boolean).map(() => '') : values.map(settingText);
}

/** A setting as the text that a tag would have. */
function settingText(value: unknown): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value).trim();
}

function withMetadataValues(
  metadata: Record<string, unknown>,
  mark: string,
  values: string[]
): Record<string, unknown> {
  const [key = mark, ...others] = keysOf(settingsOf(metadata), mark);
  if (values.length === 0 && !(key in settingsOf(metadata))) {
    return metadata;
  }
  const value = isFlag(mark) ? values.length > 0 || [] : values.length === 1 ? values[0] : values;
  const changed = updated(settingsOf(metadata), key, value);
  return updated(
    metadata,
    'kfnb',
    others.reduce((settings, other) => updated(settings, other, []), changed)
  );
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
    } else if (value !== undefined || isFlag(option)) {
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
  if (isFlag(mark)) {
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
