import { describe, expect, it } from 'vitest';

import { ENGLISH, Translator } from '../../translator';
import { cronWords, whenWords } from '../cron-words';

const WORDS: Record<string, string> = { 'every day': '매일', 'on %1': '%1', 'at %1': '%1에', '%1 %2': '%2 %1' };
const KOREAN: Translator = { ...ENGLISH, __: (text, ...args) => ENGLISH.__(WORDS[text] ?? text, ...args) };

describe('a cron expression in words', () => {
  it.each([
    ['0 6 * * 1-5', 'at 06:00 from Monday to Friday'],
    ['30 6,18 * * 7,6', 'at 06:30, 18:30 on Sunday, Saturday'],
    ['@hourly', 'every hour every day'],
    ['15 * * * *', 'at minute 15 of every hour every day'],
    ['*/5 9-17 * * 1', 'every 5 minutes from 09:00 to 17:59 on Monday'],
    ['0 6 1,15 * *', 'at 06:00 on day 1, 15 of every month']
  ])('%s', (cron, line) => {
    expect(cronWords(cron, ENGLISH, 'en')).toBe(line);
  });

  it.each(['0 6 L * *', '0 9 * * 1#2', '0 6 1 * 5', '0 6 * 3-5 *', '1-10 3 * * *', '6 *'])(
    'is not made of %s',
    cron => {
      expect(cronWords(cron, ENGLISH, 'en')).toBeNull();
    }
  );

  it('is in the language of the page, and in English as on the command line', () => {
    const schedule = { words: 'At 06:00 on Monday', cron: '0 6 * * 1' };
    expect(whenWords(schedule, KOREAN, 'ko_KR')).toBe('월요일 06:00에');
    expect(whenWords({ ...schedule, cron: '0 6 L * *' }, KOREAN, 'ko_KR')).toBe('At 06:00 on Monday');
    expect(whenWords(schedule, ENGLISH, 'en-US')).toBe('At 06:00 on Monday');
    expect(whenWords(schedule, ENGLISH, 'de-DE')).toBe('At 06:00 on Monday');
  });
});
