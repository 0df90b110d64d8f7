/** Selects the form field for a parameter from its type and its JSON Schema. Pure functions. */

import { Parameter, ValueSchema } from '../wire/api-types';

export interface Choice {
  text: string;
  label: string;
}

export type FieldKind =
  | { kind: 'checkbox' }
  | { kind: 'select'; choices: Choice[] }
  | { kind: 'number' | 'range'; min?: number; max?: number; step: number | 'any' }
  | { kind: 'date' | 'time' | 'text' };

/** The field of a parameter. */
export function parameterField(parameter: Parameter): FieldKind {
  const schema = parameter.schema ?? {};
  const alternatives = schema.anyOf ?? [schema];
  const choices = choicesFrom(alternatives);
  if (parameter.type === 'bool') {
    return { kind: 'checkbox' };
  }
  if (choices !== null) {
    return { kind: 'select', choices };
  }
  const others = alternatives.filter(one => one.type !== 'null');
  const one = others.length === 1 ? others[0] : {};
  const whole = parameter.type === 'int' || one.type === 'integer';
  if (one.format === 'date' || one.format === 'time') {
    return { kind: one.format };
  }
  if (one.format === undefined && (whole || parameter.type === 'float' || one.type === 'number')) {
    const [min, max] = [one.minimum, one.maximum];
    const step = one.step ?? one.multipleOf ?? (whole ? 1 : 'any');
    const slides = one.step !== undefined && min !== undefined && max !== undefined;
    return { kind: slides ? 'range' : 'number', min, max, step };
  }
  return { kind: 'text' };
}

/** The values that a list can offer; null if the schema does not enumerate them. */
function choicesFrom(alternatives: ValueSchema[]): Choice[] | null {
  const values: unknown[] = [];
  for (const alternative of alternatives) {
    if (alternative.enum !== undefined) {
      values.push(...alternative.enum);
    } else if (alternative.type === 'null') {
      values.push(null);
    } else {
      return null;
    }
  }
  return values.map(value => ({ text: valueText(value), label: value === null ? 'None' : valueText(value) }));
}

/** A value as the user would type it. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
