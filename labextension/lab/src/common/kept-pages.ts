/** Pages of the main area, and that they come back after a reload: of some there is one for each run, experiment or comparison. */

import { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';

import { showPage } from './show-page';

/** How pages are opened again: by a command with arguments. Their names tell them apart. */
export interface Reopening<Page extends Widget> {
  command: string;
  args: (page: Page) => ReadonlyPartialJSONObject;
  name: (page: Page) => string;
}

/** One kind of pages. A page is told apart by what it is of: the id of a run, the name of an experiment. */
export interface PageKind<Page extends Widget> extends Reopening<Page> {
  /** What the layout calls such a page. */
  type: string;
  /** Under which they are remembered. */
  namespace: string;
}

export class KeptPages<Page extends Widget> {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _kind: PageKind<Page>
  ) {
    this._tracker = new WidgetTracker<Page>({ namespace: _kind.namespace });
  }

  /** Shows the page of this name, which is made if there is none yet. */
  open(name: string, make: () => Page): Page {
    let page = this._tracker.find(one => this._kind.name(one) === name);
    if (!page) {
      page = make();
      void this._tracker.add(page);
    }
    showPage(this._app.shell, page, this._kind.type);
    return page;
  }

  /** Opens the pages again that were open before the reload. */
  restore(restorer: ILayoutRestorer | null): void {
    restorePages(this._app, restorer, this._tracker, this._kind);
  }

  private readonly _tracker: WidgetTracker<Page>;
}

/** Opens the pages again that were open before the reload. */
export function restorePages<Page extends Widget>(
  app: JupyterFrontEnd,
  restorer: ILayoutRestorer | null,
  tracker: WidgetTracker<Page>,
  { command, args, name }: Reopening<Page>
): void {
  if (restorer) {
    void restorer.restore(tracker, { command, args, name });
    return;
  }
  // Notebook 7 restores nothing. Each of its tabs of the browser has one notebook, and keeps the pages below that.
  const key = `${tracker.namespace}:${window.location.pathname}`;
  const before = JSON.parse(sessionStorage.getItem(key) ?? '[]') as ReadonlyPartialJSONObject[];
  const keep = () => {
    const open: ReadonlyPartialJSONObject[] = [];
    tracker.forEach(page => open.push(args(page)));
    sessionStorage.setItem(key, JSON.stringify(open));
  };
  tracker.widgetAdded.connect((_, page) => {
    keep();
    page.disposed.connect(keep);
  });
  void app.restored.then(() => before.forEach(one => void app.commands.execute(command, one)));
}
