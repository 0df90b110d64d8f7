/** Pages of the main area of which there is one for each run, experiment or comparison, and which come back after a reload. */

import { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker } from '@jupyterlab/apputils';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';

import { showPage } from './show-page';

/** One kind of pages. A page is told apart by what it is of: the id of a run, the name of an experiment. */
export interface PageKind<Page extends Widget> {
  /** What the layout calls such a page. */
  type: string;
  /** Under which they are remembered. */
  namespace: string;
  nameOf(page: Page): string;
  /** The command that opens a page again, and its arguments. */
  command: string;
  argsOf(page: Page): ReadonlyPartialJSONObject;
}

export class KeptPages<Page extends Widget> {
  constructor(
    private readonly _shell: JupyterFrontEnd.IShell,
    private readonly _kind: PageKind<Page>
  ) {
    this._tracker = new WidgetTracker<Page>({ namespace: _kind.namespace });
  }

  /** Shows the page of this name, which is made if there is none yet. */
  open(name: string, make: () => Page): Page {
    let page = this._tracker.find(one => this._kind.nameOf(one) === name);
    if (!page) {
      page = make();
      void this._tracker.add(page);
    }
    showPage(this._shell, page, this._kind.type);
    return page;
  }

  /** Opens the pages again that were open before the reload. */
  restore(restorer: ILayoutRestorer | null): void {
    const { command, argsOf, nameOf } = this._kind;
    void restorer?.restore(this._tracker, { command, args: argsOf, name: nameOf });
  }

  private readonly _tracker: WidgetTracker<Page>;
}
