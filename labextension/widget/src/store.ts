/** What the kernel has sent. Every view of it is updated when something has changed. */

import { nextFrame } from '@kfnb/core/next-frame';
import { FINAL_STATES } from '@kfnb/core/states';

import { Changes, Message, Request, StepChanges, ViewState, WidgetModel } from './model';

export const MAX_LINES = 1000; // of a log
const PATIENCE = 400; // milliseconds in which a kernel that is not busy answers

/** What is new in the state. */
export interface News {
  /** The steps that have changed; null: any may have. */
  steps: StepChanges | null;
  /** The lines that were added to the log; null: it may be another log. */
  added: string[] | null;
}

export interface Shows {
  show(news: News): void;
}

export const ALL_NEW: News = { steps: null, added: null };
const NOTHING_NEW: News = { steps: {}, added: [] };

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
      this._tell(NOTHING_NEW);
    }, PATIENCE);
    this._waiting.set(number, timer);
  }

  dispose(): void {
    this.model.off('msg:custom', this._receive);
    this._waiting.forEach(timer => window.clearTimeout(timer));
    this.views.clear();
  }

  private readonly _receive = (message: Message): void => {
    if ('received' in message) {
      window.clearTimeout(this._waiting.get(message.received));
      this._waiting.delete(message.received);
      this.busy = false;
      return this._tell(NOTHING_NEW);
    }
    if (isWhole(message)) {
      this._take(message);
      return this._tell(ALL_NEW);
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
    this._tell({ steps: fresh ? null : (steps ?? {}), added: added ?? (log === undefined ? [] : null) });
  }

  /** All that arrives within one frame is shown together. */
  private _tell(news: News): void {
    if (this._news) {
      this._news = both(this._news, news);
      return;
    }
    this._news = news;
    nextFrame(() => {
      const all = this._news ?? NOTHING_NEW;
      this._news = null;
      this.views.forEach(view => view.show(all));
    });
  }

  private readonly _waiting = new Map<number, number>(); // the requests that the kernel has not received yet
  private _news: News | null = null; // what waits for the next frame
  private _number = 0;
  private _late = 0; // seconds by which this clock is before the kernel's
}

function both(one: News, other: News): News {
  return {
    steps: one.steps && other.steps && { ...one.steps, ...other.steps },
    added: one.added && other.added && [...one.added, ...other.added]
  };
}

function isWhole(message: ViewState | Changes): message is ViewState {
  return 'graph' in message && 'form' in message;
}
