/** What the kernel and the page say to each other. `kfnb/widgets/view_state.py` makes it. */

import { State } from '@kfnb/core/states';
import { Graph } from '@kfnb/core/wire/api-types';

export interface ViewStep {
  state: State;
  started: number | null;
  finished: number | null;
  attempts: number;
  reason: string | null;
  path: string | null;
  iterations: number;
  /** How many iterations have left their values. */
  ended: number;
  line: string | null;
  percent: number | null;
}

export interface ViewRun {
  id: string;
  state: State;
  started: number | null;
  finished: number | null;
  parameters: Record<string, string>;
  problem: string | null;
}

export interface ViewLog {
  step: string;
  path: string;
  paths: string[];
  attempt: number;
  attempts: number;
  lines: string[];
}

/** What the user should know, and what is wrong with fields of the form. */
export interface Notice {
  kind: 'error' | 'warning';
  text: string;
  fields?: Record<string, string>;
}

export interface FormParameter {
  name: string;
  type: string;
  /** As one would type it. */
  default: string;
  choices?: string[];
}

export interface FormContent {
  parameters: FormParameter[];
  targets: string[];
}

export interface ViewState {
  name: string;
  graph: Graph;
  form: FormContent | null;
  run: ViewRun | null;
  steps: Record<string, ViewStep>;
  chosen: string | null;
  log: ViewLog | null;
  notice: Notice | null;
  doing: 'run' | 'cancel' | 'retry' | null;
  sequence: number;
  /** The kernel's clock when the state was sent. */
  now: number;
}

/** Changes of steps; null was not in the run. */
export type StepChanges = Record<string, ViewStep | null>;

export type Changes = Partial<Omit<ViewState, 'steps' | 'log'>> & {
  sequence: number;
  steps?: StepChanges;
  /** Whether `steps` are all there are. */
  fresh?: boolean;
  log?: ViewLog | { add: string[] } | null;
};

export type Message = { received: number } | ViewState | Changes;

/** What the page asks of the kernel. */
export type Request =
  | { do: 'run'; parameters: Record<string, string>; target: string }
  | { do: 'cancel' | 'again' | 'look' }
  | { do: 'retry'; step?: string | null }
  | { do: 'fold'; frame: string }
  | { do: 'choose'; step: string | null; path?: string | null; attempt?: number | null };

/** The part of anywidget's model that is used. */
export interface WidgetModel {
  get(name: string): unknown;
  send(message: object): void;
  on(event: string, callback: (message: Message) => void): void;
  off(event: string, callback: (message: Message) => void): void;
  widget_manager: {
    get_model(id: string): Promise<{ comm_live: boolean; on(event: string, callback: () => void): void }>;
  };
}
