/** A cron expression as a line in the user's language. */

import { Translator } from '../translator';

const SHORT_WORDS: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *'
};
const FIRST_SUNDAY = Date.UTC(2023, 0, 1);
const DAY = 86_400_000; // milliseconds

/** The expression in words; null where it is none of the usual kind. `locale` is the user's language, such as `ko_KR`. */
export function cronWords(cron: string, trans: Translator, locale: string): string | null {
  const text = cron.trim();
  const fields = (SHORT_WORDS[text.toLowerCase()] ?? text).split(/\s+/);
  if (fields.length !== 5 || fields[3] !== '*') {
    return null;
  }
  const times = timeWords(fields[0], fields[1], trans);
  const days = dayWords(fields[2], fields[4], trans, locale);
  return times === null || days === null ? null : trans.__('%1 %2', times, days);
}

/**
 * The line of a schedule: in English, and in a language of which kfnb has no words, the server's, as on the command line,
 * which knows every expression.
 */
export function whenWords(schedule: { words: string; cron: string }, trans: Translator, locale: string): string {
  const isTranslated = trans.__('every day') !== 'every day';
  return (isTranslated ? cronWords(schedule.cron, trans, locale) : null) ?? schedule.words;
}

function timeWords(minute: string, hour: string, trans: Translator): string | null {
  const every = /^\*\/(\d+)$/.exec(minute)?.[1];
  const span = /^(\d+)-(\d+)$/.exec(hour);
  if (every && hour === '*') {
    return trans.__('every %1 minutes', every);
  }
  if (every && span) {
    return trans.__('every %1 minutes from %2 to %3', every, clock(span[1], '0'), clock(span[2], '59'));
  }
  if (!isNumbers(minute) || minute.includes(',')) {
    return null;
  }
  if (hour === '*') {
    return Number(minute) === 0 ? trans.__('every hour') : trans.__('at minute %1 of every hour', minute);
  }
  return isNumbers(hour)
    ? trans.__(
        'at %1',
        numbers(hour)
          .map(one => clock(one, minute))
          .join(', ')
      )
    : null;
}

function dayWords(day: string, weekday: string, trans: Translator, locale: string): string | null {
  if (day === '*' && weekday === '*') {
    return trans.__('every day');
  }
  if (weekday === '*' && isNumbers(day)) {
    return trans.__('on day %1 of every month', numbers(day).join(', '));
  }
  const span = /^([0-7])-([0-7])$/.exec(weekday);
  if (day === '*' && span) {
    return trans.__('from %1 to %2', dayName(span[1], locale), dayName(span[2], locale));
  }
  return day === '*' && isNumbers(weekday)
    ? trans.__(
        'on %1',
        numbers(weekday)
          .map(one => dayName(one, locale))
          .join(', ')
      )
    : null;
}

function isNumbers(field: string): boolean {
  return /^\d+(,\d+)*$/.test(field);
}

function numbers(field: string): string[] {
  return field.split(',');
}

function clock(hour: string, minute: string): string {
  return `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
}

/** The name of a day of the week; both 0 and 7 are Sunday. */
function dayName(number: string, locale: string): string {
  const names = new Intl.DateTimeFormat(locale.replace('_', '-'), { weekday: 'long', timeZone: 'UTC' });
  return names.format(FIRST_SUNDAY + (Number(number) % 7) * DAY);
}
