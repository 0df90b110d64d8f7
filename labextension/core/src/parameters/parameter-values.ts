/** The values that the user has typed for a pipeline's parameters, and what is wrong with them. */

import { Problem } from '../wire/api-types';

/** Codes of problems that concern the value of one parameter. */
const VALUE_PROBLEMS = ['KF208', 'KF502', 'KF509'];

export class ParameterValues {
  /** The typed values by parameter name. A parameter that is not in the map has its default. */
  get values(): ReadonlyMap<string, string> {
    return this._values;
  }

  /** What is wrong with the typed values, by parameter name. */
  get errors(): ReadonlyMap<string, string> {
    return this._errors;
  }

  /**
   * Sets a parameter; null means its default. `fieldError` says why the browser could not read the field's content as a
   * value, for instance because it is not a date.
   */
  set(name: string, text: string | null, fieldError: string | null): void {
    this._errors.delete(name);
    this._invalidFields.delete(name);
    this._values.delete(name);
    if (fieldError !== null) {
      this._errors.set(name, fieldError);
      this._invalidFields.add(name);
    } else if (text !== null) {
      this._values.set(name, text);
    }
  }

  /** Forgets the parameters that the notebook no longer has. */
  retain(names: ReadonlySet<string>): void {
    for (const name of [...this._values.keys(), ...this._invalidFields].filter(name => !names.has(name))) {
      this.set(name, null, null);
    }
  }

  /** The values of these parameters, as a run takes them. */
  select(names: ReadonlySet<string>): Record<string, string> {
    return Object.fromEntries([...this._values].filter(([name]) => names.has(name)));
  }

  /** The first field that holds no value, with the reason; null when all fields can be read. */
  invalidField(): string | null {
    for (const name of this._invalidFields) {
      return `${name}: ${this._errors.get(name) ?? ''}`;
    }
    return null;
  }

  clearErrors(): void {
    this._errors.clear();
  }

  /** Keeps what the server says about the values, so that it shows beside their fields. */
  addErrors(problems: Problem[]): void {
    for (const { code, name, message } of problems) {
      if (name !== null && VALUE_PROBLEMS.includes(code)) {
        this._errors.set(name, message.replace(`parameter \`${name}\`: `, ''));
      }
    }
  }

  private readonly _values = new Map<string, string>();
  private readonly _errors = new Map<string, string>();
  private readonly _invalidFields = new Set<string>();
}
