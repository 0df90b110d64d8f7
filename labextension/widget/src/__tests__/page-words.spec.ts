import { describe, expect, it } from 'vitest';

import { pageLanguage, wordsIn } from '../page-words';

describe('the words of the inline view', () => {
  it.each(['ko-KR', 'ko_KR', 'ko', 'KO-kp'])('are Korean in a page in %s', language => {
    const trans = wordsIn(language);
    expect(trans.__('failed')).toBe('실패');
    expect(trans.__('Log of step %1', 'train')).toBe('단계 train의 로그');
    expect(trans._n('%1 step', '%1 steps', 3)).toBe('단계 3개');
  });

  it.each(['', 'en', 'fr-CA', 'k'])('are English in a page in "%s"', language => {
    const trans = wordsIn(language);
    expect(trans.__('failed')).toBe('failed');
    expect(trans._n('%1 step', '%1 steps', 1)).toBe('1 step');
  });

  it('are English where a language lacks them', () => {
    expect(wordsIn('ko-KR').__('toString')).toBe('toString');
    expect(wordsIn('ko-KR').__('said by nobody, %1', 2)).toBe('said by nobody, 2');
  });

  it('are those of the page, and in VS Code, which does not note its language in the page, of the browser', () => {
    const page = (lang: string, dataset: Record<string, string>) =>
      ({ documentElement: { lang }, body: { dataset } }) as unknown as Document;
    expect(pageLanguage(page('ko-KR', {}), 'de')).toBe('ko-KR');
    expect(pageLanguage(page('en', { vscodeThemeKind: 'vscode-dark' }), 'ko')).toBe('ko');
  });
});
