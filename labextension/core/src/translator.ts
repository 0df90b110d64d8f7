/** How the words of a page come into the reader's language. JupyterLab's `TranslationBundle` is one. */
export interface Translator {
  /** A text; `%1`, `%2`, … stand for the arguments. */
  __(text: string, ...args: unknown[]): string;
  /** A text for one, or for several. */
  _n(one: string, several: string, count: number, ...args: unknown[]): string;
}

/** The words of a language by the English ones: the text, or the one for one thing and the one for several. */
export type Catalogue = Record<string, unknown>;

/** The words as they are written here. */
export const ENGLISH: Translator = translatorOf({});

/** The words of a catalogue; what it does not have stays English. */
export function translatorOf(catalogue: Catalogue): Translator {
  const find = (text: string, at: number): string | undefined => {
    const forms = Object.prototype.hasOwnProperty.call(catalogue, text) ? catalogue[text] : undefined;
    return Array.isArray(forms) && typeof forms[at] === 'string' ? forms[at] : undefined;
  };
  return {
    __: (text, ...args) => fill(find(text, 0) ?? text, ...args),
    _n: (one, several, count, ...args) => {
      const isOne = count === 1;
      return fill(find(one, isOne ? 0 : 1) ?? (isOne ? one : several), count, ...args);
    }
  };
}

function fill(text: string, ...args: unknown[]): string {
  const texts = args.map(String);
  return text.replace(/%(\d)/g, (whole, number: string) => texts[Number(number) - 1] ?? whole);
}
