/** Where a run stands, from snapshots and the changes that come after them. Pure. */

import { FINAL_STATES, StreamMessage, Snapshot, State, StepRun } from '../server/api-types';

/** The order in which a step's iterations decide what the step shows. */
const STATE_PRIORITY: State[] = [
  'running',
  'failed',
  'cancelled',
  'pending',
  'succeeded',
  'cached',
  'omitted',
  'skipped'
];

/** A step, all of its iterations together. */
export interface StepProgress {
  state: State;
  started: number | null;
  finished: number | null;
  attempts: number;
  reason: string | null;
  /** How many iterations there are, and how many of them are final; 0 for a step that runs once. */
  iterations: number;
  finishedIterations: number;
  /** The path whose log is of interest: of what failed, else of what runs, else the first. */
  path: string;
  paths: string[];
  /** What this is made of. */
  runs: StepRun[];
}

/** The run after a message; the same object when the message says nothing new. */
export function applyMessage(run: Snapshot | null, message: StreamMessage): Snapshot | null {
  if (message.type === 'snapshot') {
    const { run: head, steps, metrics, seq, cell_lines } = message;
    return { run: head, steps, metrics, seq, cell_lines };
  }
  if (run === null || message.type === 'gone' || message.type === 'line') {
    return run;
  }
  if (message.id !== run.run.run || message.seq <= run.seq) {
    return run;
  }
  if (message.type === 'run') {
    return { ...run, seq: message.seq, run: { ...run.run, ...message.data } };
  }
  const known = run.steps.find(step => step.path === message.data.path);
  const blank: StepRun = {
    path: message.data.path,
    step: message.data.step,
    state: 'pending',
    started: null,
    finished: null,
    attempts: null,
    reason: null,
    error: null
  };
  const changed = { ...(known ?? blank), ...message.data };
  const steps = known ? run.steps.map(step => (step === known ? changed : step)) : [...run.steps, changed];
  return { ...run, seq: message.seq, steps };
}

/** Where every step of a run stands, by its name; of `before` those steps that nothing new is known of. */
export function progressByStep(run: Snapshot, before?: Map<string, StepProgress>): Map<string, StepProgress> {
  const groups = new Map<string, StepRun[]>();
  for (const step of run.steps) {
    const group = groups.get(step.step);
    if (group) {
      group.push(step);
    } else {
      groups.set(step.step, [step]);
    }
  }
  return new Map(
    [...groups].map(([name, group]) => {
      const known = before?.get(name);
      return [name, known && sameRuns(known.runs, group) ? known : combineRuns(name, group)];
    })
  );
}

/** A step of a run that the server has not answered for yet. */
export function pendingProgress(name: string): StepProgress {
  return {
    state: 'pending',
    started: null,
    finished: null,
    attempts: 0,
    reason: null,
    iterations: 0,
    finishedIterations: 0,
    path: name,
    paths: [name],
    runs: []
  };
}

function sameRuns(one: StepRun[], other: StepRun[]): boolean {
  return one.length === other.length && one.every((step, at) => step === other[at]);
}

function combineRuns(name: string, group: StepRun[]): StepProgress {
  const state = STATE_PRIORITY.find(wanted => group.some(step => step.state === wanted)) ?? 'pending';
  const shown = group.find(step => step.state === state) ?? group[0];
  const once = group.length === 1 && group[0].path === name;
  const done = group.filter(step => step.state !== 'running' && step.state !== 'pending');
  return {
    state,
    started: earliest(group.map(step => step.started)),
    finished: done.length === group.length ? latest(group.map(step => step.finished)) : null,
    attempts: Math.max(0, ...group.map(step => step.attempts ?? 0)),
    reason: shown.reason,
    iterations: once ? 0 : group.length,
    finishedIterations: once ? 0 : done.length,
    path: shown.path,
    paths: group.map(step => step.path),
    runs: group
  };
}

function earliest(times: (number | null)[]): number | null {
  const known = times.filter(time => time !== null);
  return known.length ? Math.min(...known) : null;
}

function latest(times: (number | null)[]): number | null {
  const known = times.filter(time => time !== null);
  return known.length ? Math.max(...known) : null;
}

export function isActive(run: Snapshot | null): boolean {
  return run !== null && !FINAL_STATES.has(run.run.state);
}

/** A duration in the fewest letters: `0.4 s`, `12 s`, `3:05 min`, `2:10 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) {
    return `${Math.max(0, seconds).toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  const two = (n: number) => String(n).padStart(2, '0');
  if (whole < 3600) {
    return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  }
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}
