/** The notebook as the server receives it. */

import { NotebookPanel } from '@jupyterlab/notebook';

import { NotebookRequest } from '@kfnb/core/wire/api-types';

/** The open notebook without outputs. `pipeline` names one of its pipelines; null means the first. */
export function notebookRequest(panel: NotebookPanel, pipeline: string | null): NotebookRequest {
  const model = panel.content.model;
  const notebook = (model?.toJSON() ?? { cells: [] }) as unknown as { cells: object[]; nbformat_minor: number };
  const cells = notebook.cells.map((cell, index) => {
    const { outputs, execution_count, attachments, ...rest } = cell as Record<string, unknown>;
    void [outputs, execution_count, attachments];
    return { ...rest, id: model?.cells.get(index).id };
  });
  return {
    notebook: { ...notebook, cells, nbformat_minor: Math.max(5, notebook.nbformat_minor) },
    path: panel.context.path,
    pipeline
  };
}
