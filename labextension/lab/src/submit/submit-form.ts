/** The form that starts a run: what the user has chosen for it, and what the server says that the run would be. */

import { errorText } from '@kfnb/core/format';
import { Submission } from '@kfnb/core/wire/api-types';
import { StartOptions } from '../server/rest-client';
import { NotebookSession } from '../session/notebook-session';

const CHECK_DELAY = 400; // milliseconds without a change before the server is asked

/** What is remembered for each notebook. */
export interface SubmitChoice {
  experiment: string;
  cache: boolean;
  /** A number as the user has typed it; empty: as the target says. */
  priority: string;
  parameters: Record<string, string>;
}

export class SubmitForm {
  constructor(
    readonly session: NotebookSession,
    remembered: Partial<SubmitChoice>,
    private readonly _onChange: () => void
  ) {
    this._experiment = remembered.experiment ?? '';
    this._cache = remembered.cache ?? false;
    this._priority = remembered.priority ?? '';
    const known = new Set((session.compiled.lastValid?.parameters ?? []).map(parameter => parameter.name));
    for (const [name, text] of Object.entries(remembered.parameters ?? {})) {
      if (known.has(name) && !session.parameters.values.has(name)) {
        session.parameters.set(name, text, null);
      }
    }
    this._target = this._targetKey();
    session.changed.connect(this._onSessionChanged, this);
    void this.check();
  }

  get experiment(): string {
    return this._experiment;
  }

  /** Whether steps take earlier results of the same code and inputs. */
  get cache(): boolean {
    return this._cache;
  }

  /** What to call this run. It is not remembered: the next run is another one. */
  get name(): string {
    return this._name;
  }

  get priority(): string {
    return this._priority;
  }

  /** Whether runs of the target have a priority, or why they have none; null on this machine, where none waits for another. */
  get hasPriority(): boolean | null {
    const { engine } = this.session.targets;
    return engine === 'local' ? null : engine === 'argo';
  }

  /** The options of the run that stand in no other part of the notebook's page. */
  get options(): StartOptions {
    const number = Number(this._priority);
    return {
      cache: this._cache,
      ...(this._experiment ? { experiment: this._experiment } : {}),
      ...(this._name.trim() ? { name: this._name.trim() } : {}),
      ...(this.hasPriority && this._priority.trim() && Number.isInteger(number) ? { priority: number } : {})
    };
  }

  /** What the run would be; null until the server has answered. While there is an error, what it would have been before. */
  get plan(): Submission | null {
    return this._plan;
  }

  get error(): string {
    return this._error;
  }

  get isChecking(): boolean {
    return this._isChecking;
  }

  /** What is remembered for the notebook. */
  get choice(): SubmitChoice {
    const parameters = Object.fromEntries(this.session.parameters.values);
    return { experiment: this._experiment, cache: this._cache, priority: this._priority, parameters };
  }

  setExperiment(name: string): void {
    this._experiment = name;
    this._onChange();
  }

  setName(name: string): void {
    this._name = name;
    this._onChange();
  }

  setPriority(text: string): void {
    this._priority = text;
    this.checkSoon();
  }

  setCache(on: boolean): void {
    this._cache = on;
    this.checkSoon();
  }

  setParameter(name: string, text: string | null, fieldError: string | null): void {
    this.session.parameters.set(name, text, fieldError);
    this.checkSoon();
  }

  /** Gives every parameter the value that the notebook has. */
  resetParameters(): void {
    for (const { name } of this.session.compiled.lastValid?.parameters ?? []) {
      this.session.parameters.set(name, null, null);
    }
    this.checkSoon();
  }

  /** Asks the server once nothing has changed for a moment. */
  checkSoon(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this.check(), CHECK_DELAY);
    this._onChange();
  }

  /** Asks the server what the run would be. */
  async check(): Promise<void> {
    const number = ++this._checks;
    this._isChecking = true;
    this._onChange();
    const { cache, priority } = this.options;
    let [plan, error]: [Submission | null, string] = [null, ''];
    try {
      const invalid = this.session.parameters.invalidField();
      if (invalid === null) {
        plan = await this.session.submission({ cache, priority });
      } else {
        error = invalid;
      }
    } catch (reason) {
      error = errorText(reason);
    }
    if (number === this._checks) {
      [this._plan, this._error, this._isChecking] = [plan ?? this._plan, error, false];
      this._onChange();
    }
  }

  dispose(): void {
    window.clearTimeout(this._timer);
    this._checks++; // an answer that is still under way is not shown
    this.session.changed.disconnect(this._onSessionChanged, this);
  }

  private _onSessionChanged(): void {
    const target = this._targetKey();
    if (target === this._target) {
      this._onChange();
    } else {
      this._target = target;
      this._plan = null;
      void this.check();
    }
  }

  private _targetKey(): string {
    return `${this.session.targets.current} ${this.session.targets.inContainers}`;
  }

  private _experiment: string;
  private _cache: boolean;
  private _priority: string;
  private _name = '';
  private _target: string;
  private _plan: Submission | null = null;
  private _error = '';
  private _isChecking = false;
  private _checks = 0;
  private _timer = 0;
}
