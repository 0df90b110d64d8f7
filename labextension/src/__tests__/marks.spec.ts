import { describe, expect, it } from 'vitest';

import { suggested } from '../names';

describe('a name for a step', () => {
  it('comes from the comment that begins the cell, else from what it assigns first', () => {
    expect(suggested('# Load the data\nx = 1')).toBe('load-the-data');
    expect(suggested('import pandas\ntrain_set = 1')).toBe('train-set');
    expect(suggested('# a comment that is much too long for a name\nscore = 2')).toBe('score');
    expect(suggested('print(1)')).toBe('');
    expect(suggested('x == 1')).toBe('');
  });
});
