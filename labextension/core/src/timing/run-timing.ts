/** When the steps of a run ran, and which of them decided how long it took. Pure functions. */

import { StepProgress } from '../run/run-progress';
import { State } from '../states';
import { Graph, Line } from '../wire/api-types';

/** A step that has begun; `bars` has one time for each iteration, else its own. */
export interface TimingRow {
  step: string;
  state: State;
  started: number;
  finished: number;
  bars: { started: number; finished: number; state: State }[];
  critical: boolean;
}

export interface RunTiming {
  rows: TimingRow[];
  /** Seconds since 1970. */
  started: number;
  finished: number;
  /** The steps that decided how long the run took, in their order. */
  criticalPath: string[];
}

/** The timing at `now`; null before any step has begun. Steps that have not begun, or were taken from the cache, have no row. */
export function runTiming(progress: ReadonlyMap<string, StepProgress>, lines: Line[], now: number): RunTiming | null {
  const rows = [...progress].flatMap(([step, one]) => row(step, one, now) ?? []);
  if (rows.length === 0) {
    return null;
  }
  const path = criticalPath(rows, lines);
  const isCritical = new Set(path);
  return {
    rows: rows
      .map(one => ({ ...one, critical: isCritical.has(one.step) }))
      .sort((one, other) => one.started - other.started),
    started: Math.min(...rows.map(one => one.started)),
    finished: Math.max(...rows.map(one => one.finished)),
    criticalPath: path
  };
}

/**
 * What waits for what: the lines of a graph, and the steps of an exit handler for all that it stands behind, to which no
 * lines lead.
 */
export function waits(graph: Graph): Line[] {
  const handlers = [
    ...graph.frames.filter(frame => frame.kind === 'finally').map(frame => frame.steps),
    ...graph.boxes.filter(box => box.kind === 'finally').map(box => [box.step])
  ];
  const all = graph.boxes.map(box => box.step);
  return [
    ...graph.lines,
    ...handlers.map(to => {
      const around = graph.frames.filter(frame => frame.kind === 'try' && to.every(step => frame.steps.includes(step)));
      const [guarded] = [...around.map(frame => frame.steps), all].sort((one, other) => one.length - other.length);
      return { source: guarded.filter(step => !to.includes(step)), to, points: [], why: '' };
    })
  ];
}

/** At most so many of the rows, in their order: those of the critical path first, then the longest. */
export function mainRows(rows: TimingRow[], count: number): TimingRow[] {
  if (rows.length <= count) {
    return rows;
  }
  const weight = (one: TimingRow) => (one.critical ? Infinity : one.finished - one.started);
  const kept = new Set([...rows].sort((one, other) => (weight(one) < weight(other) ? 1 : -1)).slice(0, count));
  return rows.filter(one => kept.has(one));
}

/** The names of a path; of a long one the first and the last. */
export function pathText(names: string[]): string {
  const shown = names.length > 12 ? [...names.slice(0, 6), '…', ...names.slice(-5)] : names;
  return shown.join(' → ');
}

function row(step: string, progress: StepProgress, now: number): TimingRow | null {
  const bars = progress.runs
    .filter(run => run.started !== null && run.state !== 'cached')
    .map(run => ({
      started: run.started ?? now,
      finished: Math.max(run.finished ?? now, run.started ?? now),
      state: run.state
    }));
  if (bars.length === 0) {
    return null;
  }
  const started = Math.min(...bars.map(bar => bar.started));
  const finished = Math.max(...bars.map(bar => bar.finished));
  return { step, state: progress.state, started, finished, bars, critical: false };
}

/** From the step that ended last back: each time to what it waited for longest. */
function criticalPath(rows: TimingRow[], lines: Line[]): string[] {
  const byStep = new Map(rows.map(one => [one.step, one]));
  const before = new Map<string, Set<string>>();
  for (const { source, to } of lines) {
    for (const step of to) {
      const sources = before.get(step) ?? new Set<string>();
      source.forEach(name => sources.add(name));
      before.set(step, sources);
    }
  }
  const path: string[] = [];
  let at: TimingRow | undefined = latest(rows);
  while (at && !path.includes(at.step)) {
    path.unshift(at.step);
    at = latest([...(before.get(at.step) ?? [])].flatMap(name => byStep.get(name) ?? []));
  }
  return path;
}

function latest(rows: TimingRow[]): TimingRow | undefined {
  return rows.reduce<TimingRow | undefined>(
    (best, one) => (!best || one.finished > best.finished ? one : best),
    undefined
  );
}

/** Round times for the axis of a run of so many seconds: about five of them, from 0. */
export function ticks(seconds: number): number[] {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const step = steps.find(one => seconds / one <= 6) ?? Math.ceil(seconds / 6 / 86400) * 86400;
  return Array.from({ length: Math.floor(seconds / step) + 1 }, (_, at) => at * step);
}
