/** Where pages beside the notebook open. */

import { JupyterFrontEnd, LabShell } from '@jupyterlab/application';
import { SplitPanel, TabPanel, Widget } from '@lumino/widgets';

/** Shows a page in the main area; in Notebook 7, where the document fills that, below it. `type` is what the layout calls it. */
export function showPage(shell: JupyterFrontEnd.IShell, page: Widget, type: string): void {
  const isNew = !page.isAttached;
  if (isNew) {
    const isFull = !(shell instanceof LabShell) && shell.currentWidget !== null;
    shell.add(page, isFull ? 'down' : 'main', { type });
  }
  shell.activateById(page.id);
  const tabs = page.parent?.parent;
  if (tabs instanceof TabPanel) {
    bringToFront(page, tabs, isNew && tabs.widgets.length === 1);
  }
}

/** Notebook 7 shows the pages below the notebook without bringing a tab to the front, and the first with no height at all. */
function bringToFront(page: Widget, tabs: TabPanel, isFirst: boolean): void {
  tabs.currentWidget = page;
  if (isFirst && tabs.parent instanceof SplitPanel) {
    tabs.parent.setRelativeSizes([1, 1]);
  }
}
