/** Finds the step that a cell belongs to, by the rules of `kfnb/notebook/given.py`. */

const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/;
const TAG = /^\s*(?:step|block)\s*:(.*)$/s;
const MAGIC = /^(?:[^\S\n]*\n)*%%component(?!\S)([^\n]*)/;
const WORD = /(?:"[^"]*"|'[^']*'|[^\s"'])+/g;
const FLAGS = ['--exit', '--shell'];

/** The name of the step that a code cell belongs to, or null. */
export function stepName(source: string, metadata: Record<string, unknown>): string | null {
  const candidates = [...fromTags(metadata.tags), ...fromMetadata(metadata.kfnb), ...fromMagic(source)];
  return candidates.find(name => NAME.test(name)) ?? null;
}

function fromTags(tags: unknown): string[] {
  return texts(tags).flatMap(tag => TAG.exec(tag)?.[1].trim() ?? []);
}

function fromMetadata(own: unknown): string[] {
  return own instanceof Object && 'step' in own ? texts(own.step).map(name => name.trim()) : [];
}

function fromMagic(source: string): string[] {
  const words = MAGIC.exec(source)?.[1].match(WORD) ?? [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (!word.startsWith('--')) {
      return [word.replace(/["']/g, '')];
    }
    if (!word.includes('=') && !FLAGS.includes(word)) {
      at++; // the next word is the option's value
    }
  }
  return [];
}

/** Anybody may write anything into metadata. */
function texts(value: unknown): string[] {
  return [value].flat().filter(item => typeof item === 'string');
}
