/**
 * The browser looks at the end of a selector to know which elements it may be about. Where that end names no element,
 * class, id or attribute, it looks at every element of the page, each time that JupyterLab renders a cell.
 */

import { describe, expect, it } from 'vitest';

const sheets = import.meta.glob(['../../style/*.css', '../../../core/style/*.css', '!../../style/index.css'], {
  query: '?raw',
  import: 'default',
  eager: true
});

const FUNCTIONAL = /:(is|where|not|has|nth-child)\([^()]*\)/g;
const NAMED = /^[a-z]|[.#[]|:root|:focus/;

function selectors(css: string): string[] {
  const rules = css.replace(/\/\*[^]*?\*\//g, '').matchAll(/([^{};]+)\{/g);
  return [...rules].map(([, head]) => head.trim()).filter(head => !head.startsWith('@'));
}

/** The last part of each selector of a list, without what is in parentheses. */
function ends(list: string): string[] {
  let flat = list;
  while (flat.replace(FUNCTIONAL, '') !== flat) {
    flat = flat.replace(FUNCTIONAL, '');
  }
  return flat.split(',').map(selector => selector.split(/[\s>~+]/).pop() ?? '');
}

function rulesAboutAll(css: string): string[] {
  return selectors(css).filter(list => ends(list).some(end => !NAMED.test(end)));
}

describe('style sheets', () => {
  it.each(Object.entries(sheets))('%s says whom each rule is about', (_, css) => {
    expect(selectors(css).length).toBeGreaterThan(0);
    expect(rulesAboutAll(css)).toEqual([]);
  });

  it.each(['.a > *', '.a ~ *', '.a :is(.b, .c)', '.a > :not(:nth-child(3))', '.b, .a :is(td:not(.c), th)'])(
    'sees that %s is about every element',
    selector => {
      expect(rulesAboutAll(`${selector} { color: red; }`)).toEqual([selector]);
    }
  );
});
