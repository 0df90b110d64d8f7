/** The words of the inline view in the language of the page that it stands in. They are part of the module: nothing is fetched. */

import { Catalogue, ENGLISH, Translator, translatorOf } from '@kfnb/core/translator';

const CATALOGUES = import.meta.glob<Catalogue>('../../../kfnb/locale/*/LC_MESSAGES/kfnb.json', {
  eager: true,
  import: 'default'
});

/** The words for a page in this language, such as `ko-KR` or `ko`; English where there are none. */
export function wordsIn(language: string): Translator {
  const wanted = language.toLowerCase().replace('_', '-');
  const known = new Map(Object.entries(CATALOGUES).map(([path, words]) => [languageOf(path), words]));
  const found = known.get(wanted) ?? [...known].find(([name]) => primary(name) === primary(wanted))?.[1];
  return found ? translatorOf(found) : ENGLISH;
}

/**
 * The language of a page. JupyterLab and Notebook 7 note the one that the user chose in the page itself, as other pages
 * do. VS Code notes `en` in all its pages, and tells them its own language nowhere: there, that of its browser is the best guess.
 */
export function pageLanguage(page: Document, browser: string): string {
  return page.body.dataset.vscodeThemeKind === undefined ? page.documentElement.lang : browser;
}

function languageOf(path: string): string {
  return (/locale\/([^/]+)\//.exec(path)?.[1] ?? '').toLowerCase().replace('_', '-');
}

function primary(language: string): string {
  return language.split('-')[0];
}
