/** The filters, the order and the pages of the list of all runs, and what messages change in it. */

import { ListedRun, StreamMessage } from '@kfnb/core/wire/api-types';
import { RunQuery } from '../server/rest-client';

export const PAGE_LENGTH = 50;

/** All runs, the newest first. */
export function initialQuery(): RunQuery {
  return {
    state: [],
    notebook_file: null,
    target: null,
    experiment: null,
    tag: null,
    text: '',
    since: null,
    until: null,
    order: '-created',
    start: 0,
    count: PAGE_LENGTH
  };
}

/** A query with some of its parts changed. Whatever else than the page changes, the first page is shown. */
export function withFilter(query: RunQuery, part: Partial<RunQuery>): RunQuery {
  return { ...query, start: 0, ...part };
}

/** Whether the query leaves anything out. */
export function isFiltered(query: RunQuery): boolean {
  const { state, notebook_file, target, experiment, tag, text, since, until } = query;
  return (
    state.length > 0 || text !== '' || [notebook_file, target, experiment, tag, since, until].some(one => one !== null)
  );
}

/** The order after a click on the head of a column: the other way round if it is sorted by it already. */
export function nextOrder(order: string, column: string): string {
  const first = column === 'created' || column === 'duration' ? `-${column}` : column;
  const other = first.startsWith('-') ? column : `-${column}`;
  return order === first ? other : first;
}

/** How a column is sorted, in the words of ARIA. */
export function sortOf(order: string, column: string): 'ascending' | 'descending' | 'none' {
  return order === column ? 'ascending' : order === `-${column}` ? 'descending' : 'none';
}

/** The second at which a day begins where the reader is; null for a date that is none. `days` later, if given. */
export function secondOfDay(date: string, days = 0): number | null {
  const [year, month, day] = date.split('-').map(Number);
  const time = new Date(year, month - 1, day + days).getTime();
  return date === '' || Number.isNaN(time) ? null : time / 1000;
}

/** The tags of a text with commas between them, each once. */
export function tagsOf(text: string): string[] {
  return [...new Set(text.split(',').map(tag => tag.trim()))].filter(tag => tag !== '');
}

/** The runs after a message; the same array if it changes none of them. */
export function applyRunMessage(runs: ListedRun[], message: StreamMessage): ListedRun[] {
  if (message.type !== 'run' && message.type !== 'snapshot') {
    return runs;
  }
  const news = message.type === 'run' ? message.data : message.run;
  const metrics = message.type === 'snapshot' ? { metrics: message.metrics } : {};
  const found = runs.find(run => run.run === message.id);
  return found ? runs.map(run => (run === found ? { ...run, ...news, ...metrics } : run)) : runs;
}
