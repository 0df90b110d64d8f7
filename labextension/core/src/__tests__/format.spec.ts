import { describe, expect, it } from 'vitest';

import { formatBytes, formatDuration, valueText } from '../format';

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

describe('a duration', () => {
  it('has few letters', () => {
    expect([0.04, 0.44, 9.96, 59.6, 185, 7800].map(formatDuration)).toEqual([
      '0.0 s',
      '0.4 s',
      '10 s',
      '1:00 min',
      '3:05 min',
      '2:10 h'
    ]);
  });
});

describe('a value', () => {
  it('is shown as people read it', () => {
    expect(['text', 1 / 3, 1234567, null, true, [1]].map(valueText)).toEqual([
      'text',
      '0.333333',
      '1234567',
      'null',
      'true',
      '[1]'
    ]);
  });
});
