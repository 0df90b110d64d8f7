import { TranslationBundle } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { MARKS } from '../../marks/mark-table';
import { markGroups } from '../mark-fields';

const trans = { __: (text: string) => text } as TranslationBundle;

describe('the groups of the form', () => {
  it('have each mark once, besides the name of the step', () => {
    const marks = markGroups(trans).flatMap(group => [...group.common, ...group.rare]);
    expect(['step', ...marks].sort()).toEqual(Object.keys(MARKS).sort());
  });
});
