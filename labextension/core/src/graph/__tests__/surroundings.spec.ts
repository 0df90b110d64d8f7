import { describe, expect, it } from 'vitest';

import { ENGLISH, translatorOf } from '../../translator';
import { Box } from '../../wire/api-types';
import { boxName, boxNote, boxPlace, stepLabel, surroundings } from '../surroundings';

const BOX: Box = { step: 'a', label: 'a', x: 0, y: 0, width: 1, height: 1, cells: [3], kind: '', text: '', steps: [] };

describe('surroundings', () => {
  it('has the user’s own text, and words around it in the reader’s language', () => {
    const korean = translatorOf({ 'for each of %1': ['%1 각각에 대해'], 'at the end, always': ['항상 마지막에'] });
    expect(surroundings({ kind: 'loop', text: 'models' }, korean)).toBe('models 각각에 대해');
    expect(stepLabel('for each of models', korean)).toBe('models 각각에 대해');
    expect(stepLabel('train', korean)).toBe('train');
    expect(surroundings({ kind: 'finally', text: '' }, korean)).toBe('항상 마지막에');
    expect(surroundings({ kind: 'if', text: 'x > 3' }, ENGLISH)).toBe('if x > 3');
    expect(surroundings({ kind: 'if', text: '' }, ENGLISH)).toBe('else');
  });

  it('is a note of a step alone, and the name of a folded frame', () => {
    const alone: Box = { ...BOX, cells: [3, 4], kind: 'try' };
    expect([boxName(alone, ENGLISH), boxNote(alone, ENGLISH), boxPlace(alone, ENGLISH)]).toEqual(['a', 'try', 'cells 3, 4']); // prettier-ignore
    const folded: Box = { ...BOX, label: '', cells: [], kind: 'loop', text: 'models', steps: ['a', 'b'] };
    expect([boxName(folded, ENGLISH), boxNote(folded, ENGLISH), boxPlace(folded, ENGLISH)]).toEqual(['for each of models', '', '2 steps']); // prettier-ignore
    expect(boxPlace({ ...BOX, cells: [] }, ENGLISH)).toBe('');
  });
});
