import { describe, expect, it } from 'vitest';

import { parameterField } from '../parameter-fields';
import { Parameter } from '../../wire/api-types';

const parameter = (type: Parameter['type'], schema?: Parameter['schema']): Parameter => ({
  name: 'p',
  type,
  default: null,
  schema
});

describe('the field of a parameter', () => {
  it('is a list where its values can be counted', () => {
    const choices = [
      { text: 'a', label: 'a' },
      { text: 'b', label: 'b' }
    ];
    expect(parameterField(parameter('str', { enum: ['a', 'b'] }))).toEqual({ kind: 'select', choices });
    const perhaps = { anyOf: [{ enum: ['a', 'b'] }, { type: 'null' }] };
    const none = { text: 'null', label: 'None' };
    expect(parameterField(parameter('any', perhaps))).toEqual({ kind: 'select', choices: [...choices, none] });
  });

  it('keeps a number in its limits, and slides where the notebook says so', () => {
    expect(parameterField(parameter('int'))).toEqual({ kind: 'number', step: 1 });
    expect(parameterField(parameter('float', { type: 'number', minimum: 0, maximum: 1 }))).toEqual({
      kind: 'number',
      min: 0,
      max: 1,
      step: 'any'
    });
    expect(parameterField(parameter('int', { type: 'integer', minimum: 0, maximum: 10, step: 2 })).kind).toBe('range');
    expect(parameterField(parameter('any', { anyOf: [{ type: 'integer' }, { type: 'null' }] })).kind).toBe('number');
  });

  it('is a calendar for a date, and text for what has no field of its own', () => {
    expect(parameterField(parameter('str', { type: 'string', format: 'date' })).kind).toBe('date');
    expect(parameterField(parameter('str', { type: 'string', format: 'path' })).kind).toBe('text');
    expect(parameterField(parameter('float', { type: 'number', format: 'duration' })).kind).toBe('text');
    expect(parameterField(parameter('any', { anyOf: [{ type: 'integer' }, { type: 'string' }] })).kind).toBe('text');
    expect(parameterField(parameter('bool')).kind).toBe('checkbox');
  });
});
