/** What identifies a notebook wherever it lies: `kfnb.id` of its metadata, written when it is run for the first time. */

import { NotebookPanel } from '@jupyterlab/notebook';

/** The metadata of kfnb; a notebook may have anything there. */
function ownMetadata(panel: NotebookPanel): Record<string, unknown> {
  const own: unknown = panel.content.model?.getMetadata('kfnb');
  return typeof own === 'object' && own !== null && !Array.isArray(own) ? (own as Record<string, unknown>) : {};
}

/** Null in a notebook that has not been run here. */
export function readNotebookId(panel: NotebookPanel): string | null {
  const { id } = ownMetadata(panel);
  return typeof id === 'string' ? id : null;
}

/** Writes the id under which the server records the runs. It is saved when the user saves the notebook. */
export function writeNotebookId(panel: NotebookPanel, id: string | null): void {
  if (id !== null && id !== readNotebookId(panel) && !panel.content.model?.readOnly) {
    panel.content.model?.setMetadata('kfnb', { ...ownMetadata(panel), id });
  }
}
