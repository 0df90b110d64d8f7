/** Where pages beside the notebook open. */

import { JupyterFrontEnd } from '@jupyterlab/application';
import { TabPanel, Widget } from '@lumino/widgets';

/** The shell of Notebook 7: its side bars have no icons and are closed at first, and its main area holds one document. */
interface INotebookShell {
  expandRight: () => void;
}

export function isNotebookShell(shell: unknown): shell is INotebookShell {
  return typeof (shell as Partial<INotebookShell>).expandRight === 'function';
}

/** Shows a page in the main area; in Notebook 7, where the document fills that, below it. `type` is what the layout calls it. */
export function showPage(shell: JupyterFrontEnd.IShell, page: Widget, type: string): void {
  if (!page.isAttached) {
    const isFull = isNotebookShell(shell) && shell.currentWidget !== null;
    shell.add(page, isFull ? 'down' : 'main', { type });
  }
  const tabs = page.parent?.parent;
  if (tabs instanceof TabPanel) {
    tabs.currentWidget = page; // Notebook 7 activates a page without bringing its tab to the front
  }
  shell.activateById(page.id);
}
