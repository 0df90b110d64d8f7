/**
 * What marks a cell, read and written by the rules of `kfnb/notebook/given.py`: its tags, its own metadata and the line
 * of its magic. A mark is changed where it stands; a new one becomes a tag, or an option of the line. Pure.
 */

export interface CellText {
  source: string;
  metadata: Record<string, unknown>;
}

/** Marks that stand alone. */
export const FLAGS = ['exit', 'shell'];
/** Bare tags that give a cell a role of its own, Kale's too, and the roles. */
const ROLES: Record<string, string> = {
  parameters: 'parameters',
  'injected-parameters': 'parameters',
  'pipeline-parameters': 'parameters',
  metrics: 'metrics',
  'pipeline-metrics': 'metrics',
  imports: 'imports',
  functions: 'functions',
  skip: 'skip'
};
/** Marks that only a step may have. */
const OF_STEPS =
  'step after when foreach exit shell output image package index-url extra-index-url find-links cpu memory gpu limit retry timeout cache on-failure file env secret volume label annotation node toleration'.split(
    ' '
  );

const MAGIC = /^(?<before>(?:[^\S\n]*\n)*%%component)(?!\S)(?<line>[^\n]*)/;
const ROLE_MAGIC = /^((?:[^\S\n]*\n)*)%%(?<role>parameters|imports|functions|metrics|skip)(?!\S)[^\n]*\n?/;
const WORD = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/g;
/** Kale's words for the same things. */
const OTHER_WORDS: Record<string, string> = { block: 'step', prev: 'after' };
const PLAIN = /^[\w.:=/@%+,-]+$/;

/** Whether the cell begins with `%%component`. */
function isMagic(cell: CellText): boolean {
  return MAGIC.test(cell.source);
}

/** Everything that the cell gives to a word; `['']` for one that stands alone. */
export function valuesOf(cell: CellText, word: string): string[] {
  const inTags = tagsOf(cell).flatMap(tag => {
    const [found, value] = parted(tag);
    return found === word ? [value] : [];
  });
  return [...inTags, ...inOwn(cell, word), ...optionsOf(cell).flatMap(one => (one.word === word ? [one.value] : []))];
}

/** The cell with exactly these values for a word. */
export function withValues(cell: CellText, word: string, values: string[]): CellText {
  const inMagic = optionsOf(cell).some(option => option.word === word);
  const own = inOwn(cell, word).length > 0;
  const inTags = tagsOf(cell).some(tag => parted(tag)[0] === word);
  const place = inMagic || (isMagic(cell) && !own && !inTags) ? 'magic' : own && !inTags ? 'own' : 'tags';
  const none: string[] = [];
  const metadata = withOwn(
    withTags(cell.metadata, word, place === 'tags' ? values : none),
    word,
    place === 'own' ? values : none
  );
  return { source: withOptions(cell, word, place === 'magic' ? values : none), metadata };
}

/** The role that the cell has by a bare tag, or by the magic of that name. */
export function roleOf(cell: CellText): string | null {
  const tag = tagsOf(cell).find(tag => tag.trim() in ROLES);
  return tag === undefined ? (ROLE_MAGIC.exec(cell.source)?.groups?.role ?? null) : ROLES[tag.trim()];
}

/** The cell with this role and no other; null: none. It is changed where it stands; a new one becomes a tag. */
export function withRole(cell: CellText, role: string | null): CellText {
  const others = tagsOf(cell).filter(tag => !(tag.trim() in ROLES));
  const inMagic = ROLE_MAGIC.test(cell.source);
  const inTags = others.length < tagsOf(cell).length;
  const tags = role !== null && (inTags || !inMagic) ? [...others, role] : others;
  const line = role === null ? '' : `%%${role}\n`;
  const source = cell.source.replace(ROLE_MAGIC, (_, before: string) => before + line);
  return { source, metadata: withKey(cell.metadata, 'tags', tags) };
}

/** The cell without anything that makes it a step. */
export function withoutStep(cell: CellText): CellText {
  return OF_STEPS.reduceRight((found, word) => withValues(found, word, []), cell);
}

// -------------------------------------------------------------------- tags
/** Anybody may write anything into metadata. */
function tagsOf(cell: CellText): string[] {
  return [cell.metadata.tags].flat().filter((tag): tag is string => typeof tag === 'string');
}

function parted(tag: string): [string, string] {
  const [, word, value] = /^\s*([^:]*?)\s*(?::(.*))?$/s.exec(tag) ?? ['', '', ''];
  return [OTHER_WORDS[word] ?? word, (value ?? '').trim()];
}

/** Other tags stay as they are and where they are; a changed one keeps its place and its spelling. */
function withTags(metadata: Record<string, unknown>, word: string, values: string[]): Record<string, unknown> {
  const tags = tagsOf({ source: '', metadata });
  const first = tags.findIndex(tag => parted(tag)[0] === word);
  const spelled = first < 0 ? word : (/^\s*([^:]*)/.exec(tags[first])?.[1].trim() ?? word);
  const mine = values.map(value => (FLAGS.includes(word) ? word : `${spelled}:${value}`));
  const before = tags.slice(0, first < 0 ? tags.length : first);
  const after = tags.slice(before.length).filter(tag => parted(tag)[0] !== word);
  return withKey(metadata, 'tags', [...before, ...mine, ...after]);
}

// -------------------------------------------------------------------- metadata.kfnb
function inOwn(cell: CellText, word: string): string[] {
  const own = cell.metadata.kfnb;
  const value: unknown = own instanceof Object ? (own as Record<string, unknown>)[word] : undefined;
  const told = [value].flat().filter(one => ['string', 'number', 'boolean'].includes(typeof one) && one !== '');
  return FLAGS.includes(word) ? told.filter(Boolean).map(() => '') : told.map(one => String(one).trim());
}

function withOwn(metadata: Record<string, unknown>, word: string, values: string[]): Record<string, unknown> {
  const own = metadata.kfnb;
  if (!(own instanceof Object) || (!(word in own) && values.length === 0)) {
    return metadata;
  }
  const value = FLAGS.includes(word) ? true : values.length === 1 ? values[0] : values;
  return withKey(metadata, 'kfnb', withKey(own as Record<string, unknown>, word, values.length ? value : []));
}

/** Without the key where its value is empty. */
function withKey(object: Record<string, unknown>, key: string, value: unknown): Record<string, unknown> {
  const found = { ...object, [key]: value };
  if (value instanceof Object && Object.keys(value).length === 0) {
    delete found[key];
  }
  return found;
}

// -------------------------------------------------------------------- %%component
interface Option {
  word: string;
  value: string;
  text: string; // as it stands in the line
}

function optionsOf(cell: CellText): Option[] {
  const words = MAGIC.exec(cell.source)?.groups?.line.match(WORD) ?? [];
  const found: Option[] = [];
  for (let at = 0; at < words.length; at++) {
    const text = words[at];
    const [, option, , given] = /^--([\w-]+)(=(.*))?$/s.exec(text) ?? [];
    if (option === undefined) {
      found.push({ word: 'step', value: plain(text), text });
    } else if (given !== undefined || FLAGS.includes(option)) {
      found.push({ word: option, value: plain(given ?? ''), text });
    } else {
      const value = words[++at] ?? '';
      found.push({ word: option, value: plain(value), text: `${text} ${value}`.trim() });
    }
  }
  return found;
}

function withOptions(cell: CellText, word: string, values: string[]): string {
  const groups = MAGIC.exec(cell.source)?.groups;
  const options = optionsOf(cell);
  if (groups === undefined || (values.length === 0 && !options.some(option => option.word === word))) {
    return cell.source;
  }
  if (word === 'step' && values.length === 0) {
    return cell.source.slice(groups.before.length + groups.line.length).replace(/^\n/, '');
  }
  const mine = values.map(value => optionText(word, value));
  const first = options.findIndex(option => option.word === word);
  const texts = options.filter(option => option.word !== word).map(option => option.text);
  texts.splice(first < 0 ? texts.length : first, 0, ...mine);
  return [groups.before, ...texts].join(' ') + cell.source.slice(groups.before.length + groups.line.length);
}

function optionText(word: string, value: string): string {
  if (FLAGS.includes(word)) {
    return `--${word}`;
  }
  const quoted = PLAIN.test(value) ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`;
  return word === 'step' ? quoted : `--${word} ${quoted}`;
}

/** A word of a POSIX shell line without its quotation marks. */
function plain(text: string): string {
  return text.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, one?: string) =>
    double !== undefined ? double.replace(/\\([\\"])/g, '$1') : (single ?? one ?? '')
  );
}
