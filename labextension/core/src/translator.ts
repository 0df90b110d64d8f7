/** How the words of a page come into the reader's language. JupyterLab's `TranslationBundle` is one. */
export interface Translator {
  /** A text; `%1`, `%2`, … stand for the arguments. */
  __(text: string, ...args: unknown[]): string;
  /** A text for one, or for several. */
  _n(one: string, several: string, count: number, ...args: unknown[]): string;
}

/** The words as they are written here. */
export const ENGLISH: Translator = {
  __: fill,
  _n: (one, several, count, ...args) => fill(count === 1 ? one : several, count, ...args)
};

function fill(text: string, ...args: unknown[]): string {
  const texts = args.map(String);
  return text.replace(/%(\d)/g, (whole, number: string) => texts[Number(number) - 1] ?? whole);
}
