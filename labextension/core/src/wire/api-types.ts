/** The types of the JSON that the REST interface and the websocket carry; `kfnb/server/openapi.yaml` describes them. */

import { State } from '../states';

export interface Problem {
  code: string;
  message: string;
  hint: string;
  severity: 'error' | 'warning' | 'info';
  cell: number | null;
  cell_id: string | null;
  line: number | null;
  name: string | null;
  /** Tags for the cell; each one of them solves the problem. */
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

/** The values that a parameter may have: the part of JSON Schema that kfnb uses. */
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

/** A cell, and the steps that come from it. */
export interface CellSteps {
  cell: number;
  id: string;
  steps: string[];
}

/** The pipeline of a notebook and its problems; `pipeline` is null while the notebook has errors. */
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
  /** The address of the cluster's own page of the run. */
  page?: string | null;
}

export interface Snapshot {
  run: RunInfo;
  steps: StepRun[];
  metrics: Record<string, unknown>;
  seq: number;
  /** For a notebook that is a text file: the line on which each cell begins, by cell number. */
  cell_lines: Record<string, number> | null;
}

export type ListedRun = RunInfo & { metrics: Record<string, unknown> };

/** A message of the websocket; `id` is the id of the run. */
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

/** A description of a value; `preview` is the value itself if it is small and plain data. */
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

/** A target that the user can select; `trusted` says whether the user has agreed to the hosts that it contacts. */
export interface TargetInfo {
  name: string;
  engine: string;
  trusted: boolean;
}

/** Where a notebook can run. `containers` is the tool that runs containers on the server's machine; null: it has none. */
export interface Targets {
  targets: TargetInfo[];
  containers: string | null;
}

/** A file of the notebook's folder that is sent with the pipeline; `link` is the destination of a symbolic link. */
export interface TravellingFile {
  path: string;
  bytes: number;
  steps: string[];
  link: string | null;
}

/** One setting by which a target would contact a host or use credentials. */
export interface RequestedAccess {
  target: string;
  setting: string;
  value: string;
  text: string;
}

/** A configuration file beside a notebook, and the access that it requests. */
export interface TrustProposal {
  path: string;
  fingerprint: string;
  trusted: boolean;
  asks: RequestedAccess[];
}

/** A notebook in a request: its JSON without outputs. */
export interface NotebookRequest {
  notebook: unknown;
  path: string;
  pipeline: string | null;
}

/** The contexts of the user's kubeconfig with their namespaces; a server in a pod has none, and a namespace of its own. */
export interface Clusters {
  contexts: Record<string, string>;
  current: string;
  namespace: string;
}

/** What the user has chosen in the form that adds a target; without an engine or a name, the usual one counts. */
export interface ClusterChoice {
  context: string;
  namespace: string;
  engine?: string;
  name?: string;
  /** Where images of steps are built to; empty to build none. */
  repository: string;
  /** What values pass through; empty for what the cluster has. */
  values: string;
}

/** What a cluster has, and the target that fits it. */
export interface TargetProposal {
  found: string[];
  engines: string[];
  name: string;
  settings: { engine?: string; [key: string]: unknown };
  /** The target as the configuration file would have it; empty where the cluster has no engine. */
  text: string;
  /** `ready`, or why no run is possible yet. */
  state: string;
  told: string[];
  /** The roles that an administrator can apply, as YAML; empty where none are missing. */
  rbac: string;
  /** The configuration file of the user. */
  file: string;
}

/** A target that was written, and the file in which it is. */
export interface AddedTarget {
  name: string;
  file: string;
}

/** What one part of the way of a trial run did. */
export interface ProbeLine {
  state: 'done' | 'waiting' | 'failed';
  text: string;
  seconds: number | null;
}
