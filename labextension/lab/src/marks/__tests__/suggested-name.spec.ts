import { describe, expect, it } from 'vitest';

import { suggestedName } from '../suggested-name';

describe('a name for a step', () => {
  it('comes from the comment that begins the cell, else from what it assigns first', () => {
    expect(suggestedName('# Load the data\nx = 1')).toBe('load-the-data');
    expect(suggestedName('import pandas\ntrain_set = 1')).toBe('train-set');
    expect(suggestedName('# a comment that is much too long for a name\nscore = 2')).toBe('score');
    expect(suggestedName('print(1)')).toBe('show');
    expect(suggestedName('a, b = train_test_split(rows)')).toBe('split');
    expect(suggestedName('m = LinearRegression()\nm.fit(x, y)')).toBe('train');
    expect(suggestedName('rows = make_rows(len(x))')).toBe('make-rows');
    expect(suggestedName('x == 1')).toBe('');
  });
});
