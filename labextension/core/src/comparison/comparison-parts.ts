/** The parts of a comparison of runs in their order, the rows that are shown of them, and their values as text. */

import { formatDuration, valueText } from '../format';
import { SHAPES, words } from '../states';
import { State } from '../state-table';
import { Translator } from '../translator';
import { ComparedCode, ComparedValue, Comparison } from '../wire/api-types';

export const FEWEST_RUNS = 2;
export const MOST_RUNS = 10;

/** The parts whose rows have a value for each run. */
const PARTS = [
  'parameters',
  'metrics',
  'states',
  'durations',
  'outputs',
  'settings',
  'environment',
  'packages'
] as const;

export type PartName = (typeof PARTS)[number];

export interface Part {
  name: PartName;
  title: string;
  rows: ComparedValue[];
  /** How many rows there are, shown or not. */
  count: number;
}

/** The parts that have rows to show. Without `all` these are the rows that differ. */
export function partsToShow(comparison: Comparison, all: boolean, trans: Translator): Part[] {
  const titles = partTitles(trans);
  return PARTS.map(name => {
    const rows = comparison[name].filter(row => all || row.differs);
    return { name, title: titles[name], rows, count: comparison[name].length };
  }).filter(part => part.rows.length > 0);
}

/** The titles of the parts in which all runs are the same. */
export function sameParts(comparison: Comparison, trans: Translator): string[] {
  const titles = partTitles(trans);
  const same: string[] = PARTS.filter(
    name => comparison[name].length > 0 && !comparison[name].some(row => row.differs)
  ).map(name => titles[name]);
  const code = comparison.code.length > 0 && !comparison.code.some(cell => cell.differs);
  return code ? [...same, trans.__('Code')] : same;
}

function partTitles(trans: Translator): Record<PartName, string> {
  return {
    parameters: trans.__('Parameters'),
    metrics: trans.__('Metrics'),
    states: trans.__('States of steps'),
    durations: trans.__('Durations of steps'),
    outputs: trans.__('Outputs'),
    settings: trans.__('Settings of steps'),
    environment: trans.__('Environment'),
    packages: trans.__('Packages')
  };
}

/** What people read in place of the name of a row. */
export function rowLabel(part: PartName, row: ComparedValue, trans: Translator): string {
  const known: Record<string, string> = {
    target: trans.__('target'),
    version: trans.__('version of Python'),
    python: trans.__('Python'),
    folder: trans.__('folder'),
    containers: trans.__('containers'),
    image: trans.__('image'),
    isolated: trans.__('a folder for each step'),
    cache: trans.__('takes earlier results'),
    fuse: trans.__('several steps in one pod')
  };
  return (part === 'environment' && known[row.name]) || row.label;
}

/** The value of a run in a row as text; null where the run does not have it. */
export function valueIn(part: PartName, row: ComparedValue, run: string, trans: Translator): string | null {
  if (!(run in row.values)) {
    return null;
  }
  const value = row.values[run];
  if (row.loop !== null) {
    return loopText(part, value as Record<string, number>, trans);
  }
  if (part === 'durations') {
    return formatDuration(value as number);
  }
  if (part === 'states') {
    const state = value as State;
    return `${SHAPES[state]} ${words(trans)[state]}`;
  }
  return valueText(value);
}

/** What the iterations of a loop have together: counts of states, a range of numbers, or how many values there are. */
function loopText(part: PartName, value: Record<string, number>, trans: Translator): string {
  if (part === 'states') {
    const named = Object.entries(value) as [State, number][];
    return named.map(([state, count]) => `${SHAPES[state]} ${count} ${words(trans)[state]}`).join(', ');
  }
  if ('median' in value) {
    const text = part === 'durations' ? formatDuration : valueText;
    return trans.__('%1 to %2, median %3', text(value.least), text(value.most), text(value.median));
  }
  return trans.__('%1 values, %2 distinct', value.values, value.distinct);
}

/** Whether the values of a row that differs look the same: they differ in what a preview does not show. */
export function looksAlike(row: ComparedValue, runs: string[]): boolean {
  const texts = runs.map(run => (run in row.values ? valueText(row.values[run]) : null));
  return row.loop === null && row.differs && new Set(texts).size === 1;
}

/** By how much a metric differs from that of the first run, such as `+3.4 %`; empty where that says nothing. */
export function relativeChange(value: unknown, first: unknown): string {
  if (typeof value !== 'number' || typeof first !== 'number' || value === first || first === 0) {
    return '';
  }
  const percent = ((value - first) / Math.abs(first)) * 100;
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(digits)} %`;
}

/** The cells to show: without `all` those whose code differs. */
export function cellsToShow(comparison: Comparison, all: boolean): ComparedCode[] {
  return comparison.code.filter(cell => all || cell.differs);
}

/** The runs of a list by their numbers in the comparison: `1, 3`. */
export function numbersOf(runs: string[], comparison: Comparison): string {
  return runs.map(run => comparison.runs.findIndex(one => one.run === run) + 1).join(', ');
}
