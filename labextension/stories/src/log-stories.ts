/** The log of a step that failed, with a text that was searched. */

import { element } from '@kfnb/core/elements';
import { LogFind } from '@kfnb/core/log/log-find';
import { LogSource, LogView, MOST_LINES } from '@kfnb/core/log/log-view';
import { LOG } from './fixtures/log-fixtures';
import { ignore, laidOut, narrow, Story, TRANS, type } from './story';

/** A log that is here as a whole, of which 40 lines above are not loaded yet. */
const SOURCE: LogSource = {
  most: MOST_LINES,
  active: false,
  log: () => Promise.resolve(LOG),
  matches: text => {
    const places = LOG.lines.flatMap(([, line], at): [number, number][] =>
      line.includes(text) ? [[40 + at, 4000]] : []
    );
    return Promise.resolve({ count: places.length, places });
  }
};

async function drawLog(place: HTMLElement): Promise<void> {
  const view = new LogView(TRANS, { loaded: ignore, ended: ignore }, 'kfnb-Log-body', 'kfnb-Log-line');
  const find = new LogFind(TRANS, view);
  const log = element('section', 'kfnb-Log kfnb-Controls');
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

export const LOG_STORIES: Record<string, Story> = { log: narrow({ key: '.kfnb-mod-current', draw: drawLog }) };
