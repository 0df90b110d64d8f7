/** The log of a step that failed, with a text that was searched. */

import { element } from '@kfnb/core/elements';
import { LogFind } from '@kfnb/core/log/log-find';
import { LogSource, LogView } from '@kfnb/core/log/log-view';
import { ignore, laidOut, Story, TRANS, type } from './story';

const COLORS = ['red', 'green', 'yellow', 'blue', 'magenta', 'cyan'];
const LINES = [
  'Reading sales.parquet: 1,203,448 rows',
  '\x1b[1mModels\x1b[0m: ' + COLORS.map((color, at) => `\x1b[3${at + 1}m${color}\x1b[0m`).join(' '),
  'Intense: ' + COLORS.map((color, at) => `\x1b[9${at + 1}m${color}\x1b[0m`).join(' '),
  'Behind: ' + COLORS.map((color, at) => `\x1b[4${at + 1}m ${color} \x1b[0m`).join(' '),
  ...Array.from({ length: 3 }, (_, at) => `epoch ${at + 1} of 3: loss ${(2 / (at + 2)).toFixed(4)}`),
  '한국어로 된 줄도 같은 글꼴로 보입니다',
  `a line that is much longer than the window is wide: ${'0123456789 '.repeat(9)}`,
  '\x1b[31m---------------------------------------------------------------------------\x1b[0m',
  '\x1b[31mValueError\x1b[0m                                Traceback (most recent call last)',
  'Cell \x1b[32mIn[7], line 3\x1b[0m',
  '\x1b[32m      1\x1b[0m frame = table[[\x1b[33m"x"\x1b[0m, \x1b[33m"y"\x1b[0m]]',
  '\x1b[32m----> 3\x1b[0m model.fit(frame)',
  '\x1b[31mValueError\x1b[0m: 3 columns were expected, and the frame has 2'
];

/** A log that is here as a whole, of which 40 lines above are not loaded yet. */
const SOURCE: LogSource = {
  active: false,
  log: () =>
    Promise.resolve({
      attempt: 1,
      attempts: 1,
      first: 40,
      begin: 4000,
      lines: LINES.map((text): [string, string] => ['', text]),
      next: 9000,
      all: true
    }),
  matches: text => {
    const places = LINES.flatMap((line, at): [number, number][] => (line.includes(text) ? [[40 + at, 4000]] : []));
    return Promise.resolve({ count: places.length, places });
  }
};

async function drawLog(place: HTMLElement): Promise<void> {
  const view = new LogView(TRANS, { loaded: ignore, ended: ignore }, 'kfnb-Log-body', 'kfnb-Log-line');
  const find = new LogFind(TRANS, view);
  const log = element('section', 'kfnb-Log');
  const head = element('div', 'kfnb-Log-head');
  const tools = element('div', 'kfnb-Log-tools');
  const text = element('div', 'kfnb-Log-text');
  tools.append(find.node);
  head.append(element('span', 'kfnb-Log-title', 'explain'), tools);
  text.append(view.node);
  log.append(head, text);
  place.append(log);
  view.open(SOURCE);
  await laidOut();
  type(find.node.querySelector('input')!, 'epoch');
}

export const LOG_STORIES: Record<string, Story> = { log: { key: '.kfnb-mod-current', draw: drawLog } };
