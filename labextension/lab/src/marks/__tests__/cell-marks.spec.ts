import { describe, expect, it } from 'vitest';

import {
  CellContent,
  cellRole,
  markValues,
  placedValues,
  withMarkValues,
  withoutStep,
  withPlacedValues,
  withRole
} from '../cell-marks';

const tagged = (...tags: string[]): CellContent => ({ source: 'x = 1', metadata: { tags } });
const magic = (line: string): CellContent => ({ source: `%%component ${line}\nx = 1`, metadata: {} });

describe('marks that stand in tags', () => {
  it('are read, Kale’s words too', () => {
    expect(markValues(tagged('hide', 'step:a', 'after:b', 'prev:c', 'exit'), 'after')).toEqual(['b', 'c']);
    expect(markValues(tagged('block: a'), 'step')).toEqual(['a']);
    expect(markValues(tagged('exit'), 'exit')).toEqual(['']);
  });

  it('are changed at their place, in their own spelling, and foreign tags stay', () => {
    expect(withMarkValues(tagged('hide', 'block:a', 'keep'), 'step', ['b']).metadata.tags).toEqual([
      'hide',
      'block:b',
      'keep'
    ]);
    expect(withMarkValues(tagged('hide'), 'when', ['x > 1']).metadata.tags).toEqual(['hide', 'when:x > 1']);
    expect(withMarkValues(tagged('when:x > 1'), 'when', []).metadata).toEqual({});
    expect(withMarkValues(tagged('step:a'), 'exit', ['']).metadata.tags).toEqual(['step:a', 'exit']);
    expect(withMarkValues(tagged('exit', 'step:a'), 'exit', []).metadata.tags).toEqual(['step:a']);
  });
});

describe('marks that stand in the metadata of their own', () => {
  const own: CellContent = { source: '', metadata: { kfnb: { step: 'a', after: ['b', 'c'], exit: true, cpu: 2 } } };

  it('are read', () => {
    expect([markValues(own, 'step'), markValues(own, 'after'), markValues(own, 'exit')]).toEqual([
      ['a'],
      ['b', 'c'],
      ['']
    ]);
  });

  it('are read and changed under the names of fields too', () => {
    const cell: CellContent = { source: '', metadata: { kfnb: { packages: ['a', 'b'], cache: false } } };
    expect([markValues(cell, 'package'), markValues(cell, 'cache')]).toEqual([['a', 'b'], ['off']]);
    expect(withMarkValues(cell, 'package', ['c']).metadata.kfnb).toEqual({ packages: 'c', cache: false });
  });

  it('are changed there', () => {
    expect(withMarkValues(own, 'step', ['z']).metadata).toEqual({
      kfnb: { step: 'z', after: ['b', 'c'], exit: true, cpu: 2 }
    });
    expect(withMarkValues(own, 'after', ['c']).metadata.kfnb).toEqual({ step: 'a', after: 'c', exit: true, cpu: 2 });
    expect(withMarkValues({ source: '', metadata: { kfnb: { step: 'a' } } }, 'step', []).metadata).toEqual({});
  });
});

describe('marks that stand in a %%component line', () => {
  it('are read', () => {
    const cell = magic('train --when "n > \\"3\\"" --after=a --after \'b\' --exit');
    expect(markValues(cell, 'step')).toEqual(['train']);
    expect(markValues(cell, 'when')).toEqual(['n > "3"']);
    expect(markValues(cell, 'after')).toEqual(['a', 'b']);
    expect(markValues(cell, 'exit')).toEqual(['']);
  });

  it('are changed in the line, and everything else of it stays', () => {
    expect(withMarkValues(magic('train --retry 2'), 'when', ['n > "3"']).source).toBe(
      '%%component train --retry 2 --when "n > \\"3\\""\nx = 1'
    );
    expect(withMarkValues(magic("a --when 'x > 1' --env K=V"), 'when', ['y']).source).toBe(
      '%%component a --when y --env K=V\nx = 1'
    );
    expect(withMarkValues(magic('a --exit'), 'exit', []).source).toBe('%%component a\nx = 1');
    expect(withMarkValues(magic('--exit a'), 'step', ['b']).source).toBe('%%component --exit b\nx = 1');
    expect(withMarkValues(magic('a --exit'), 'step', []).source).toBe('x = 1');
  });

  it('go where the mark stands already', () => {
    const both: CellContent = { source: '%%component a\nx = 1', metadata: { tags: ['when:x'] } };
    const { source, metadata } = withMarkValues(both, 'when', ['y']);
    expect([source, metadata.tags]).toEqual([both.source, ['when:y']]);
  });
});

describe('marks that stand at several places of a cell', () => {
  const cell: CellContent = {
    source: '%%component a --env A=1',
    metadata: { tags: ['env:B=2'], kfnb: { env: ['C=3'] } }
  };

  it('are read with their places', () => {
    expect(placedValues(cell, 'env')).toEqual([
      { value: 'B=2', place: 'tags' },
      { value: 'C=3', place: 'metadata' },
      { value: 'A=1', place: 'magic' }
    ]);
  });

  it('are each changed at its place', () => {
    const values = placedValues(cell, 'env').map(one => ({ ...one, value: `${one.value}0` }));
    expect(withPlacedValues(cell, 'env', values)).toEqual({
      source: '%%component a --env A=10',
      metadata: { tags: ['env:B=20'], kfnb: { env: 'C=30' } }
    });
    expect(withPlacedValues(cell, 'env', [])).toEqual({ source: '%%component a', metadata: {} });
  });
});

describe('roles', () => {
  it('exclude each other and leave the rest', () => {
    expect(cellRole(tagged('hide', 'metrics'))).toBe('metrics');
    expect(withRole(tagged('hide', 'metrics'), 'skip').metadata.tags).toEqual(['hide', 'skip']);
    expect(withRole(tagged('skip'), null).metadata).toEqual({});
  });

  it('may stand in a magic of their own, and are changed there', () => {
    const cell: CellContent = { source: '\n%%parameters\nx = 1', metadata: {} };
    expect(cellRole(cell)).toBe('parameters');
    expect(cellRole({ source: 'x\n%%parameters', metadata: {} })).toBeNull();
    expect(withRole(cell, 'skip')).toEqual({ source: '\n%%skip\nx = 1', metadata: {} });
    expect(withRole(cell, null)).toEqual({ source: '\nx = 1', metadata: {} });
    const own: CellContent = { source: '', metadata: { kfnb: { role: 'skip', name: 'x' } } };
    expect(cellRole(own)).toBe('skip');
    expect(withRole(own, 'metrics').metadata).toEqual({ kfnb: { role: 'metrics', name: 'x' } });
    expect(withRole(own, null).metadata).toEqual({ kfnb: { name: 'x' } });
    const both = { ...cell, metadata: { tags: ['parameters'] } };
    expect(withRole(both, 'imports')).toEqual({ source: '\n%%imports\nx = 1', metadata: { tags: ['imports'] } });
    expect(withRole(both, null)).toEqual({ source: '\nx = 1', metadata: {} });
  });
});

describe('a cell that is a step no more', () => {
  it('loses everything that only a step may have, and nothing else', () => {
    const cell = tagged('hide', 'step:a', 'when:x', 'retry:2', 'exit', 'metrics');
    expect(withoutStep(cell).metadata.tags).toEqual(['hide', 'metrics']);
    expect(withoutStep(magic('a --when x --exit')).source).toBe('x = 1');
  });

  it('has its role from Kale’s tags too', () => {
    expect(cellRole(tagged('pipeline-metrics'))).toBe('metrics');
    expect(withRole(tagged('pipeline-parameters'), 'skip').metadata.tags).toEqual(['skip']);
  });
});
