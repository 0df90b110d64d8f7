import { describe, expect, it } from 'vitest';

import { stepName } from '../step-name';

describe('stepName', () => {
  it.each([
    [{ tags: ['step:train'] }, 'train'],
    [{ tags: ['remove-cell', ' step : train '] }, 'train'],
    [{ tags: ['block:train'] }, 'train'],
    [{ tags: ['step:', 'block:'] }, null],
    [{ tags: ['setp:train'] }, null],
    [{ tags: ['step:two words', 'step:train'] }, 'train'],
    [{ tags: 'step:train' }, 'train'],
    [{ tags: [{ step: 'train' }, null] }, null],
    [{ kfnb: { step: 'train' } }, 'train'],
    [{ kfnb: { step: 3, role: 'metrics' } }, null],
    [{ kfnb: 'train' }, null],
    [{ kfnb: null }, null],
    [{}, null]
  ])('reads the metadata %j as %j', (metadata, name) => {
    expect(stepName('x = 1', metadata)).toBe(name);
  });

  it.each([
    ['%%component train\nx = 1', 'train'],
    ['\n  \n%%component train', 'train'],
    ['%%component "train" --exit', 'train'],
    ['%%component --exit --after load train', 'train'],
    ['%%component --when="a > b" train', 'train'],
    [`%%component --foreach 'x in [1, 2]' train`, 'train'],
    ['%%component', null],
    ['%%component\ntrain', null],
    ['%%component --after load', null],
    ['%%components train', null],
    [' %%component train', null],
    ['x = 1\n%%component train', null]
  ])('reads the source %j as %j', (source, name) => {
    expect(stepName(source, {})).toBe(name);
  });

  it('takes the tag before the metadata before the magic', () => {
    const source = '%%component magic';
    const kfnb = { step: 'metadata' };
    expect(stepName(source, { tags: ['step:tag'], kfnb })).toBe('tag');
    expect(stepName(source, { kfnb })).toBe('metadata');
  });
});
