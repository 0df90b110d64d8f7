/** What the server says of one open notebook as the user types: its pipeline and its problems. */

import { NotebookPanel } from '@jupyterlab/notebook';
import { IDisposable } from '@lumino/disposable';
import { ISignal, Signal } from '@lumino/signaling';

import { Explanation, NotebookRequest, OtherCell, StepInfo } from '@kfnb/core/wire/api-types';
import { RefusedError, RestClient } from '../server/rest-client';

const COMPILE_DELAY = 350; // milliseconds without a change before the notebook is compiled
const RETRY_DELAY = 3_000; // milliseconds before the next request to a server that did not answer

export class CompiledNotebook implements IDisposable {
  /** `request` is the notebook as requests to the server carry it. */
  constructor(
    private readonly _panel: NotebookPanel,
    private readonly _client: RestClient,
    private readonly _request: () => NotebookRequest
  ) {}

  /** The server says something else than before, or cannot be reached. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** The notebook as the server last read it; null before the first answer. */
  get explanation(): Explanation | null {
    return this._explanation;
  }

  /** The last explanation that had a pipeline. It stays visible while what the user types has errors. */
  get lastValid(): Explanation | null {
    return this._lastValid;
  }

  /** Why the server extension cannot be reached; null when it can. */
  get serverError(): string | null {
    return this._serverError;
  }

  /** Whether the cells say what the steps are. */
  get isMarked(): boolean {
    return this._lastValid?.marked === true || this._explanation?.marked === true;
  }

  /** The names of the parameters. */
  get parameters(): Set<string> {
    return new Set(this._explanation?.parameters.map(parameter => parameter.name));
  }

  /** The names of the steps. */
  get steps(): string[] {
    return [...this._steps.keys()];
  }

  step(name: string): StepInfo | null {
    return this._steps.get(name) ?? null;
  }

  /** The names of the steps that a cell belongs to. */
  stepsOf(cell: string): string[] {
    return this._stepsByCell.get(cell) ?? [];
  }

  /** What a cell of a marked notebook is that is in no step; null for any other cell. */
  otherRole(cell: string): OtherCell['role'] | null {
    const marked = this._lastValid?.marked === true;
    return (marked ? this._lastValid?.others.find(other => other.id === cell)?.role : null) ?? null;
  }

  /** Compiles the notebook as it is now, unless the server has already seen it. */
  compile(): Promise<void> {
    if (!this._panel.context.isReady) {
      return this._panel.context.ready.then(() => this.compile()); // until then the notebook has no cells
    }
    window.clearTimeout(this._timer);
    const request = this._request();
    const text = JSON.stringify(request);
    if (text !== this._compiledText || this._serverError) {
      this._compiledText = text;
      this._compiling = this._requestCompilation(request);
    }
    return this._compiling;
  }

  /** Compiles the notebook when the user has stopped typing. */
  compileSoon(): void {
    window.clearTimeout(this._timer);
    this._timer = window.setTimeout(() => void this.compile(), COMPILE_DELAY);
  }

  /** Keeps the error for the side bar, and tries again after a while if the server did not answer at all. */
  keepServerError(error: unknown): void {
    this._serverError = error instanceof RefusedError ? error.message : String(error);
    if (!(error instanceof RefusedError)) {
      this._timer = window.setTimeout(() => void this.compile(), RETRY_DELAY);
    }
    this._changed.emit();
  }

  /** Throws what the server would answer when the notebook has errors. */
  checkProblems(): void {
    const errors = this._explanation?.problems.filter(problem => problem.severity === 'error') ?? [];
    if (this._explanation?.pipeline === null && errors.length > 0) {
      throw new RefusedError(errors[0].message, 422, errors);
    }
  }

  private async _requestCompilation(request: NotebookRequest): Promise<void> {
    const number = ++this._requestNumber;
    const isLatest = () => number === this._requestNumber && !this.isDisposed;
    try {
      const explanation = await this._client.compile(request);
      if (isLatest()) {
        this._onCompiled(explanation);
      }
    } catch (error) {
      if (isLatest()) {
        this._compiledText = '';
        this.keepServerError(error);
      }
    }
  }

  private _onCompiled(explanation: Explanation): void {
    const text = JSON.stringify(explanation);
    const saysTheSame = text === this._explanationText && this._serverError === null;
    this._explanationText = text;
    this._serverError = null;
    if (saysTheSame) {
      return; // as after most keys: the badges of a long notebook need not be looked at
    }
    this._explanation = explanation;
    if (explanation.pipeline !== null) {
      this._lastValid = explanation;
    }
    this._steps = new Map((this._lastValid?.steps ?? []).map(step => [step.name, step]));
    this._stepsByCell = new Map((this._lastValid?.cells ?? []).map(cell => [cell.id, cell.steps]));
    this._changed.emit();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    window.clearTimeout(this._timer);
    Signal.clearData(this);
  }

  private _isDisposed = false;
  private _explanation: Explanation | null = null;
  private _explanationText = '';
  private _lastValid: Explanation | null = null;
  private _serverError: string | null = null;
  private _steps = new Map<string, StepInfo>();
  private _stepsByCell = new Map<string, string[]>();
  private _timer = 0;
  private _requestNumber = 0;
  private _compiledText = '';
  private _compiling: Promise<void> = Promise.resolve();
  private readonly _changed = new Signal<this, void>(this);
}
