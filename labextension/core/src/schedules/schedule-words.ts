/** The words of schedules, in the language of the user interface. */

import { State, SHAPES, words } from '../states';
import { Translator } from '../translator';
import { Schedule, ScheduleFiring } from '../wire/api-types';

/** The rules of schedules that an engine can keep, in the order of the form. */
export function rulesOf(engine: string): {
  catchUp: Schedule['catch_up'][];
  concurrency: Schedule['concurrency'][];
} {
  switch (engine) {
    case 'argo':
      return { catchUp: ['none', 'last'], concurrency: ['forbid', 'allow', 'replace'] };
    case 'kfp':
      return { catchUp: ['none', 'all'], concurrency: ['forbid', 'allow'] };
    default:
      return { catchUp: ['none', 'last', 'all'], concurrency: ['forbid', 'allow', 'replace'] };
  }
}

/** A time as the clocks of a zone show it; one without a name counts as UTC. */
export function formatDue(seconds: number, zone: string): string {
  return new Intl.DateTimeFormat(undefined, {
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: zone || 'UTC',
    timeZoneName: 'short'
  }).format(seconds * 1000);
}

/** What became of a time: the state of its run, or that nothing ran. */
export function outcome(firing: ScheduleFiring, trans: Translator): string {
  switch (firing.state) {
    case 'missed':
      return trans._n('missed once', 'missed %1 times', firing.count, firing.count);
    case 'skipped':
      return trans.__('skipped');
    case 'refused':
      return trans.__('✗ could not start');
    case 'waiting':
      return trans.__('waits for the run before');
    case 'started':
      return trans.__('started');
    default: {
      const state: State = firing.state;
      return `${SHAPES[state]} ${words(trans)[state]}`;
    }
  }
}

/** The name of a place. */
export function placeName(target: string, trans: Translator): string {
  return target === 'local' ? trans.__('this machine') : target;
}

/** Why times are missed at a place. A machine is switched off; on a cluster it is the controller that starts nothing. */
export function missedTitle(target: string, trans: Translator): string {
  return target === 'local' ? trans.__('When the machine was off') : trans.__('When the cluster’s controller was down');
}

/** What becomes of missed times. */
export function catchUpWords(trans: Translator): Record<Schedule['catch_up'], string> {
  return {
    none: trans.__('Tell it, and run nothing'),
    last: trans.__('One run makes up for all'),
    all: trans.__('One run for each time')
  };
}

/** The words of an engine that keeps schedules itself, with its own name for it. */
export function catchUpWordsOf(engine: string, trans: Translator): Record<Schedule['catch_up'], string> {
  const words = catchUpWords(trans);
  switch (engine) {
    case 'argo':
      return {
        ...words,
        none: trans.__('Run nothing'),
        last: trans.__('One run makes up for the last time (startingDeadlineSeconds)')
      };
    case 'kfp':
      return {
        ...words,
        none: trans.__('Run nothing (no_catchup)'),
        all: trans.__('One run for each time (catch-up)')
      };
    default:
      return words;
  }
}

/** What happens while the run before goes on. */
export function concurrencyWords(trans: Translator): Record<Schedule['concurrency'], string> {
  return {
    forbid: trans.__('Skip the new run'),
    allow: trans.__('Start the new run beside it'),
    replace: trans.__('Cancel it, and start the new run')
  };
}

export function presetWords(trans: Translator): Record<string, string> {
  return {
    '0 * * * *': trans.__('Every hour'),
    '0 6 * * *': trans.__('Every day at 6'),
    '0 6 * * 1-5': trans.__('Every working day at 6'),
    '0 6 * * 1': trans.__('Every Monday at 6'),
    '0 6 1 * *': trans.__('On the first of every month at 6')
  };
}
