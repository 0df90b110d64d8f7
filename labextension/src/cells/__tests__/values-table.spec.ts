import { describe, expect, it } from 'vitest';

import { formatBytes } from '../values-table';

describe('size', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [24_128, '24.1 kB'],
    [1_500_000, '1.50 MB'],
    [2e15, '2000 TB']
  ])('tells %d bytes in a fitting unit', (bytes, words) => {
    expect(formatBytes(bytes)).toBe(words);
  });
});
