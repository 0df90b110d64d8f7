/** What the server tells and is told, as `kfnb/server/openapi.yaml` describes it. */

export type State = 'pending' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'omitted' | 'cached' | 'cancelled';

export const FINAL_STATES: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);

export interface Problem {
  code: string;
  message: string;
  hint: string;
  severity: 'error' | 'warning' | 'info';
  cell: number | null;
  cell_id: string | null;
  line: number | null;
  name: string | null;
  /** Tags for the cell, each of which settles it. */
  marks: string[];
}

export interface Box {
  step: string;
  x: number;
  y: number;
  width: number;
  height: number;
  cells: number[];
  where: string;
  kind: '' | 'if' | 'loop' | 'finally';
  note: string;
}

export interface Frame {
  kind: 'if' | 'loop' | 'try' | 'finally';
  label: string;
  x: number;
  y: number;
  width: number;
  height: number;
  steps: string[];
}

export interface Line {
  source: string[];
  to: string[];
  points: [number, number][];
  why: string;
}

export interface Graph {
  width: number;
  height: number;
  boxes: Box[];
  frames: Frame[];
  lines: Line[];
}

export interface StepInfo {
  name: string;
  cells: number[];
  inputs: string[];
  outputs: string[];
  when: string | null;
  foreach: string | null;
  exit: boolean;
  shell: boolean;
  settings: { on_failure?: string };
}

/** What a parameter's value may be: as much of JSON Schema as kfnb uses. */
export interface ValueSchema {
  type?: string;
  enum?: unknown[];
  anyOf?: ValueSchema[];
  format?: string;
  minimum?: number;
  maximum?: number;
  multipleOf?: number;
  step?: number;
}

export interface Parameter {
  name: string;
  type: 'str' | 'int' | 'float' | 'bool' | 'list' | 'dict' | 'any';
  default: unknown;
  description?: string;
  schema?: ValueSchema;
}

/** The cells that steps come from. */
export interface CellSteps {
  cell: number;
  id: string;
  steps: string[];
}

/** A notebook explained; without a pipeline when it has errors. */
export interface Explanation {
  pipeline: string | null;
  pipelines: string[];
  description?: string;
  parameters: Parameter[];
  steps: StepInfo[];
  problems: Problem[];
  target: string | null;
  graph?: Graph;
  cells?: CellSteps[];
}

export interface Failure {
  kind: string;
  type: string;
  message: string;
  step?: string;
  cell?: number | null;
  line?: number | null;
  traceback?: string;
}

export interface StepRun {
  path: string;
  step: string;
  state: State;
  started: number | null;
  finished: number | null;
  attempts: number | null;
  reason: string | null;
  error: Failure | null;
}

export interface RunInfo {
  run: string;
  pipeline: string;
  engine: string;
  state: State;
  parameters: Record<string, unknown>;
  experiment: string | null;
  notebook: string | null;
  created: number;
  started: number | null;
  finished: number | null;
  error: Failure | null;
}

export interface Snapshot {
  run: RunInfo;
  steps: StepRun[];
  metrics: Record<string, unknown>;
  seq: number;
  /** Of a run whose lines are those of a text file: the lines on which its cells begin, by the cells' numbers. */
  cell_lines: Record<string, number> | null;
}

export type ListedRun = RunInfo & { metrics: Record<string, unknown> };

/** What comes through the websocket; `id` is the run's. */
export type StreamMessage =
  | ({ type: 'snapshot'; id: string } & Snapshot)
  | { type: 'run'; id: string; seq: number; time: number; data: Partial<RunInfo> }
  | { type: 'step'; id: string; seq: number; time: number; data: Partial<StepRun> & { path: string; step: string } }
  | { type: 'line'; id: string; path: string; line: string; percent: number | null }
  | { type: 'gone'; id: string; message: string };

export interface LogChunk {
  attempt: number;
  attempts: number;
  lines: [string, string][];
  next: number;
  all: boolean;
}

export interface DisplayedOutput {
  cell: number;
  data: Record<string, unknown>;
  metadata: Record<string, unknown>;
}

/** A value by its words; `preview` is the value itself where it is small and plain. */
export interface Value {
  name: string;
  type: string | null;
  preview: unknown;
  bytes: number | null;
}

export interface StepValues {
  inputs: Value[];
  outputs: Value[];
}

/** `trusted`: the user has chosen whom it contacts. */
export interface TargetInfo {
  name: string;
  engine: string;
  trusted: boolean;
}

/** A file that leaves the notebook's folder with a pipeline; `link`: where it lies when it is a link to somewhere else. */
export interface TravellingFile {
  path: string;
  bytes: number;
  steps: string[];
  link: string | null;
}

/** One thing that a target of a file beside a notebook wants. */
export interface RequestedAccess {
  target: string;
  setting: string;
  value: string;
  text: string;
}

/** A file beside a notebook that says whom to talk to. */
export interface TrustProposal {
  path: string;
  fingerprint: string;
  trusted: boolean;
  asks: RequestedAccess[];
}

/** A notebook as it is sent: its JSON without outputs. */
export interface NotebookRequest {
  notebook: unknown;
  path: string;
  pipeline: string | null;
}
