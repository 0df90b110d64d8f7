/** The state of a run and of its steps, computed from a snapshot and the messages that follow it. Pure functions. */

import { combineStates, ENDED_STATES, FINAL_STATES, STARTING, State } from '../states';
import { Snapshot, StepRun, StreamMessage } from '../wire/api-types';

/** The progress of a step, with all of its iterations taken together. */
export interface StepProgress {
  state: State;
  started: number | null;
  finished: number | null;
  attempts: number;
  reason: string | null;
  /** The number of iterations, and of those that have left their values; both are 0 for a step that runs once. */
  iterations: number;
  endedIterations: number;
  /** The path of the iteration whose state the step shows; its log is shown first. */
  path: string;
  paths: string[];
  /** The iterations, or the single execution, of the step. */
  runs: StepRun[];
}

/** The run after a message; the same object if the message changes nothing. */
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
  const place = run.steps.findIndex(step => step.path === message.data.path);
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
  const steps = run.steps.slice();
  steps[place < 0 ? steps.length : place] = { ...(steps[place] ?? blank), ...message.data };
  return { ...run, seq: message.seq, steps };
}

/** The progress of each step by name. Steps without a change keep their object of `before`. */
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

/** The progress of a step about which the server has not said anything yet. */
export function pendingProgress(name: string): StepProgress {
  return {
    state: 'pending',
    started: null,
    finished: null,
    attempts: 0,
    reason: null,
    iterations: 0,
    endedIterations: 0,
    path: name,
    paths: [name],
    runs: []
  };
}

function sameRuns(one: StepRun[], other: StepRun[]): boolean {
  return one.length === other.length && one.every((step, at) => step === other[at]);
}

function combineRuns(name: string, group: StepRun[]): StepProgress {
  const state = combineStates(group.map(step => step.state));
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
    endedIterations: once ? 0 : group.filter(step => ENDED_STATES.has(step.state)).length,
    path: shown.path,
    paths: group.map(step => step.path),
    runs: group
  };
}

function earliest(times: (number | null)[]): number | null {
  const defined = times.filter(time => time !== null);
  return defined.length ? Math.min(...defined) : null;
}

function latest(times: (number | null)[]): number | null {
  const defined = times.filter(time => time !== null);
  return defined.length ? Math.max(...defined) : null;
}

/** What a step waits for, or what is wrong with its pod; an empty text if nothing of that kind is to be said. */
export function clusterReason(progress: StepProgress): string {
  const failure = progress.runs.find(step => step.path === progress.path)?.error?.kind ?? '';
  const isSaid =
    progress.state === 'pending' ||
    progress.state === 'running' ||
    (progress.state === 'failed' && (failure === 'died' || failure === 'start'));
  return isSaid ? (progress.reason ?? '').split('\n')[0] : '';
}

/** The steps of a run that cannot start, or whose node does not answer, each with the reason. */
export function blockedSteps(run: Snapshot): string[] {
  return run.steps
    .filter(step => step.state === 'pending' || step.state === 'running')
    .filter(step => step.reason !== null && !step.reason.startsWith(STARTING))
    .map(step => `${step.path}: ${step.reason}`);
}

export function isActive(run: Snapshot | null): boolean {
  return run !== null && !FINAL_STATES.has(run.run.state);
}
