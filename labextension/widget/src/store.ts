/** What the kernel has sent. Every view of it is updated when something has changed. */

import { FINAL_STATES } from '@kfnb/core/states';

import { Changes, Message, Request, StepChanges, ViewState, WidgetModel } from './model';

export const MAX_LINES = 1000; // of a log
const PATIENCE = 400; // milliseconds in which a kernel that is not busy answers

/** What shows the state. It is told which steps and lines are new, where it is not the whole. */
export interface Shows {
  show(steps?: StepChanges, added?: string[]): void;
}

export class Store {
  readonly views = new Set<Shows>();
  state: ViewState;
  /** Whether the kernel has not received a request for a while. */
  busy = false;

  constructor(readonly model: WidgetModel) {
    this.state = model.get('shown') as ViewState;
    this._take(this.state);
    model.on('msg:custom', this._receive);
  }

  /** The kernel's time in seconds. */
  get now(): number {
    return Date.now() / 1000 - this._late;
  }

  get active(): boolean {
    return this.state.run !== null && !FINAL_STATES.has(this.state.run.state);
  }

  /** Ask the kernel for something. A kernel that is busy with a cell may receive it later: the page shows that. */
  ask(request: Request): void {
    const number = ++this._number;
    this.model.send({ ...request, number });
    const timer = window.setTimeout(() => {
      this.busy = true;
      this._tell();
    }, PATIENCE);
    this._waiting.set(number, timer);
  }

  dispose(): void {
    this.model.off('msg:custom', this._receive);
    this._waiting.forEach(timer => window.clearTimeout(timer));
  }

  private readonly _receive = (message: Message): void => {
    if ('received' in message) {
      window.clearTimeout(this._waiting.get(message.received));
      this._waiting.delete(message.received);
      this.busy = false;
      return this._tell();
    }
    if (isWhole(message)) {
      this._take(message);
      return this._tell();
    }
    if (message.sequence > this.state.sequence + 1) {
      return this.ask({ do: 'again' });
    }
    if (message.sequence > this.state.sequence) {
      this._change(message);
    }
  };

  private _take(shown: ViewState): void {
    this.state = { ...shown };
    this._late = Date.now() / 1000 - shown.now;
  }

  private _change({ steps, log, fresh, ...rest }: Changes): void {
    const before = this.state;
    const state: ViewState = { ...before, ...rest };
    if (steps) {
      const all = Object.entries(fresh ? steps : { ...before.steps, ...steps });
      state.steps = Object.fromEntries(all.flatMap(([name, step]) => (step === null ? [] : [[name, step]])));
    }
    const added = log && 'add' in log ? log.add : undefined;
    if (added && before.log) {
      state.log = { ...before.log, lines: [...before.log.lines, ...added].slice(-MAX_LINES) };
    } else if (log !== undefined && !(log && 'add' in log)) {
      state.log = log;
    }
    this.state = state;
    this._tell(steps, added);
  }

  private _tell(steps?: StepChanges, added?: string[]): void {
    this.views.forEach(view => view.show(steps, added));
  }

  private readonly _waiting = new Map<number, number>(); // the requests that the kernel has not received yet
  private _number = 0;
  private _late = 0; // seconds by which this clock is before the kernel's
}

function isWhole(message: ViewState | Changes): message is ViewState {
  return 'graph' in message && 'form' in message;
}
