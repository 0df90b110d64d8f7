import { describe, expect, it } from 'vitest';

import { Problem } from '../../wire/api-types';
import { ParameterValues } from '../parameter-values';

const problem = (code: string, name: string | null, message: string): Problem => ({
  code,
  about: '',
  message,
  hint: '',
  severity: 'error',
  cell: null,
  cell_id: null,
  line: null,
  name,
  marks: []
});

describe('the values of parameters', () => {
  it('are what the user has typed, without the parameters that have their default', () => {
    const parameters = new ParameterValues();
    parameters.set('a', '7', null);
    parameters.set('b', '8', null);
    parameters.set('b', null, null);
    expect(parameters.select(new Set(['a', 'b']))).toEqual({ a: '7' });
  });

  it('leave out parameters that the notebook no longer has', () => {
    const parameters = new ParameterValues();
    parameters.set('a', '7', null);
    parameters.set('gone', null, 'not a date');
    parameters.retain(new Set(['b']));
    expect([parameters.values.size, parameters.errors.size, parameters.invalidField()]).toEqual([0, 0, null]);
  });
});

describe('what is wrong with a value', () => {
  it('is a field that cannot be read, until the user corrects it', () => {
    const parameters = new ParameterValues();
    parameters.set('day', null, 'not a date');
    expect(parameters.invalidField()).toBe('day: not a date');
    parameters.set('day', '2026-01-01', null);
    expect([parameters.invalidField(), parameters.errors.size]).toEqual([null, 0]);
  });

  it('is what the server says about this parameter, without its name', () => {
    const parameters = new ParameterValues();
    parameters.addErrors([
      problem('KF502', 'a', 'parameter `a`: `x` is not a number'),
      problem('KF301', 'b', 'about another thing'),
      problem('KF502', null, 'about no parameter')
    ]);
    expect([...parameters.errors]).toEqual([['a', '`x` is not a number']]);
  });
});
