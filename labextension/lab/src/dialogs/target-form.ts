/** The form that makes a target of a cluster: what the user has chosen, and what the server says about it. */

import { errorText } from '@kfnb/core/format';
import { AddedTarget, ClusterChoice, Clusters, ProbeLine, TargetProposal } from '@kfnb/core/wire/api-types';

const CONFLICT = 409; // the status of the server when the user has a target of that name

/** The requests of the form. */
export interface TargetApi {
  clusters(): Promise<Clusters>;
  propose(choice: ClusterChoice): Promise<TargetProposal>;
  probe(choice: ClusterChoice, onLine: (line: ProbeLine) => void, signal: AbortSignal): Promise<void>;
  addTarget(choice: ClusterChoice, settings: object, replace: boolean): Promise<AddedTarget>;
}

/** What the form waits for. */
export type Task = 'load' | 'look' | 'probe' | 'add';

export class TargetForm {
  constructor(
    private readonly _api: TargetApi,
    private readonly _onChange: () => void
  ) {}

  get contexts(): string[] {
    return Object.keys(this._clusters?.contexts ?? {});
  }

  /** Whether the server runs in a pod, whose own cluster counts. */
  get isInPod(): boolean {
    return this._clusters !== null && this.contexts.length === 0;
  }

  get context(): string {
    return this._context;
  }

  get namespace(): string {
    return this._namespace;
  }

  /** The repository for images; empty if none are built. */
  get repository(): string {
    return this._repository;
  }

  /** What values pass through; empty for what the cluster has. */
  get values(): string {
    return this._values;
  }

  get name(): string {
    return this._name;
  }

  get task(): Task | null {
    return this._task;
  }

  get error(): string {
    return this._error;
  }

  /** What the cluster has and the target for it; null until the user has looked at what is chosen now. */
  get proposal(): TargetProposal | null {
    return this._proposal;
  }

  /** The lines of the trial run. */
  get lines(): readonly ProbeLine[] {
    return this._lines;
  }

  /** Whether the user's own configuration has a target of that name, which can be replaced. */
  get isTaken(): boolean {
    return this._isTaken;
  }

  /** The target as the configuration file would have it. */
  get text(): string {
    const [, ...settings] = (this._proposal?.text ?? '').split('\n');
    const name = this._name.includes('.') ? JSON.stringify(this._name) : this._name;
    return settings.length ? [`[targets.${name}]`, ...settings].join('\n') : '';
  }

  /** Reads which clusters there are. */
  async load(): Promise<void> {
    const clusters = await this._ask('load', () => this._api.clusters());
    if (clusters) {
      this._clusters = clusters;
      this.setContext(clusters.current || (this.contexts[0] ?? ''));
    }
  }

  /** Selects a context, with the namespace that it names. */
  setContext(context: string): void {
    this._context = context;
    this.setNamespace(this._clusters?.contexts[context] || this._clusters?.namespace || '');
  }

  setNamespace(namespace: string): void {
    this._namespace = namespace;
    this._forget();
  }

  setRepository(repository: string): void {
    this._repository = repository;
    this._forget();
  }

  setValues(values: string): void {
    this._values = values;
    this._forget();
  }

  setName(name: string): void {
    this._name = name;
    this._isNamed = name !== '';
    this._isTaken = false;
    this._error = '';
    this._onChange();
  }

  /** Asks what the cluster has; with an engine, also the target for it. What was seen before stays until the answer is there. */
  async look(engine?: string): Promise<void> {
    if (this._task !== null) {
      return;
    }
    this._lines = [];
    this._isTaken = false;
    const asked = this._place();
    const proposal = await this._ask('look', () => this._api.propose({ ...asked, ...(engine ? { engine } : {}) }));
    // the answer is not about what was chosen while it was under way
    if (proposal && JSON.stringify(asked) === JSON.stringify(this._place())) {
      this._proposal = proposal;
      this._name = this._isNamed ? this._name : proposal.name;
      this._onChange();
    }
  }

  /** Runs a few small steps on the cluster. */
  async probe(): Promise<void> {
    if (this._task !== null || !this._proposal) {
      return;
    }
    this._lines = [];
    const abort = (this._abort = new AbortController());
    const onLine = (line: ProbeLine) => {
      this._lines = [...this._lines, line];
      this._onChange();
    };
    await this._ask('probe', () => this._api.probe(this._choice(), onLine, abort.signal), abort.signal);
  }

  /** Ends the trial run. The server removes what it made. */
  stopProbe(): void {
    this._abort?.abort();
  }

  /** Writes the target into the user's configuration. Resolves to where it is, or to null if it was not written. */
  async add(replace = false): Promise<AddedTarget | null> {
    const proposal = this._proposal;
    if (this._task !== null || !proposal) {
      return null;
    }
    this._isTaken = false;
    return this._ask('add', () => this._api.addTarget(this._choice(), proposal.settings, replace));
  }

  /** The cluster, and where images and values are to be. */
  private _place(): ClusterChoice {
    return {
      context: this._context,
      namespace: this._namespace.trim(),
      repository: this._repository.trim(),
      values: this._values.trim()
    };
  }

  private _choice(): ClusterChoice {
    return {
      ...this._place(),
      engine: this._proposal?.settings.engine,
      name: this._name.trim()
    };
  }

  private _forget(): void {
    this.stopProbe();
    this._proposal = null;
    this._lines = [];
    this._isTaken = false;
    this._error = '';
    this._onChange();
  }

  /** What the server answers; null if it refuses, or if the user does not want the answer any more. */
  private async _ask<T>(task: Task, request: () => Promise<T>, signal?: AbortSignal): Promise<T | null> {
    this._task = task;
    this._error = '';
    this._onChange();
    try {
      return await request();
    } catch (error) {
      if (!signal?.aborted) {
        this._error = errorText(error);
        this._isTaken = task === 'add' && (error as { status?: number }).status === CONFLICT;
      }
      return null;
    } finally {
      this._task = null;
      this._onChange();
    }
  }

  private _clusters: Clusters | null = null;
  private _context = '';
  private _namespace = '';
  private _repository = '';
  private _values = '';
  private _name = '';
  private _isNamed = false; // by the user
  private _task: Task | null = null;
  private _error = '';
  private _proposal: TargetProposal | null = null;
  private _lines: ProbeLine[] = [];
  private _isTaken = false;
  private _abort: AbortController | null = null;
}
