/** Makes the block that shows one display of a step in its log. */

import { IRenderMime, IRenderMimeRegistry, MimeModel } from '@jupyterlab/rendermime';
import { PartialJSONObject } from '@lumino/coreutils';
import { MessageLoop } from '@lumino/messaging';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { element } from '@kfnb/core/elements';
import { errorText } from '@kfnb/core/format';
import { LogBlock } from '@kfnb/core/log/log-window';
import { Pager } from '@kfnb/core/table/pager';
import { DisplayedOutput } from '@kfnb/core/wire/api-types';
import { Attempt } from './attempt';

const WIDGET = 'application/vnd.jupyter.widget-view+json'; // its kernel is gone: only its text can be shown
const HTML = 'text/html';

/** The block of a display. `widgets` receives what must be disposed with it. */
export async function displayBlock(
  shown: DisplayedOutput,
  attempt: Attempt,
  rendermime: IRenderMimeRegistry,
  trans: TranslationBundle,
  widgets: Widget[]
): Promise<LogBlock | null> {
  const { line, count } = shown;
  const data = { ...shown.data } as PartialJSONObject;
  delete data[WIDGET];
  // displayed outputs are treated as untrusted, as the notebook's own outputs are
  const mime = rendermime.preferredMimeType(data, 'any');
  if (!mime) {
    return Object.keys(shown.data).length || !count ? null : { line, count, node: null };
  }
  const node = element('div', 'kfnb-Log-output');
  const renderer = rendermime.createRenderer(mime);
  widgets.push(renderer);
  if (!(await render(renderer, data))) {
    return null; // its text in the log stays
  }
  node.append(renderer.node);
  if (shown.page) {
    const pager = new Pager(trans, start => {
      attempt.displayPage(shown.number, start).then(
        page => void render(renderer, { [HTML]: page.html }).then(() => pager.show(page)),
        error => node.append(element('div', 'kfnb-Log-problem', errorText(error)))
      );
    });
    pager.show(shown.page);
    node.append(pager.node);
  }
  return { line, count, node };
}

/** Tells the widgets whose nodes are in the document now. */
export function announceAttached(widgets: Widget[]): void {
  widgets
    .filter(widget => widget.node.isConnected && !widget.isAttached)
    .forEach(widget => MessageLoop.sendMessage(widget, Widget.Msg.AfterAttach));
}

/** Disposes of widgets that stand in rows of a log. Rows that are out of sight, and those of a log that is closed, have left the page already. */
export function disposeDisplays(widgets: Widget[]): void {
  for (const widget of widgets) {
    if (widget.isAttached && !widget.node.isConnected) {
      MessageLoop.sendMessage(widget, Widget.Msg.AfterDetach); // else Lumino refuses to detach it
    }
    widget.dispose();
  }
}

async function render(renderer: IRenderMime.IRenderer, data: PartialJSONObject): Promise<boolean> {
  try {
    await renderer.renderModel(new MimeModel({ data, trusted: false }));
    return true;
  } catch {
    return false; // the renderer of an extension refuses what a step displays
  }
}
