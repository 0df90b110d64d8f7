import { ENGLISH, translatorOf } from '@kfnb/core/translator';
import { Problem } from '@kfnb/core/wire/api-types';
import { describe, expect, it } from 'vitest';

import { problemKind, problemLine } from '../problem-words';

const about = 'A condition cannot be parsed.';
const PROBLEM: Problem = {
  code: 'KF404',
  about,
  message: '`when:x >` ends too soon',
  hint: 'write a number after it',
  severity: 'error',
  cell: 3,
  cell_id: null,
  line: 1,
  name: null,
  marks: []
};

describe('the words of a problem', () => {
  it('have its kind in the reader’s language, and nothing twice in English', () => {
    const korean = translatorOf({ [about]: ['조건을 해석할 수 없습니다.'] });
    expect(problemKind(PROBLEM, korean)).toBe('조건을 해석할 수 없습니다.');
    expect(problemKind(PROBLEM, ENGLISH)).toBe('');
    expect(problemLine(PROBLEM, korean)).toBe(
      '1: 조건을 해석할 수 없습니다. `when:x >` ends too soon (write a number after it)'
    );
    expect(problemLine(PROBLEM, ENGLISH)).toBe('1: `when:x >` ends too soon (write a number after it)');
  });
});
