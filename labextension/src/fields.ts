/** Which field of a form a parameter gets: what its value may be, from JSON Schema. */

import { Parameter, Schema } from './wire';

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
export function fieldOf(parameter: Parameter): FieldKind {
  const schema = parameter.schema ?? {};
  const several = schema.anyOf ?? [schema];
  const choices = choicesOf(several);
  if (parameter.type === 'bool') {
    return { kind: 'checkbox' };
  }
  if (choices !== null) {
    return { kind: 'select', choices };
  }
  const others = several.filter(one => one.type !== 'null');
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

/** The values there are to choose from; null: they cannot be counted. */
function choicesOf(several: Schema[]): Choice[] | null {
  const found: unknown[] = [];
  for (const one of several) {
    if (one.enum !== undefined) {
      found.push(...one.enum);
    } else if (one.type === 'null') {
      found.push(null);
    } else {
      return null;
    }
  }
  return found.map(value => ({ text: asText(value), label: value === null ? 'None' : asText(value) }));
}

/** A value as one would type it. */
export function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
