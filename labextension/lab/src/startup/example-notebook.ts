/** The content of a new pipeline notebook: a parameter, two steps, and a step with a condition. */

import { INotebookContent } from '@jupyterlab/nbformat';
import { TranslationBundle } from '@jupyterlab/translation';

export function exampleNotebook(trans: TranslationBundle): INotebookContent {
  const cells: [string, string[]][] = [
    ['limit: int = 10', ['parameters']],
    ['numbers = [n * n for n in range(limit)]', ['step:make']],
    ['total = sum(numbers)\nprint(total)', ['step:add']],
    ["print('that is much')", ['step:comment', 'when:total > 100']]
  ];
  const introduction = trans.__(
    '# A pipeline\n\nThe tags of the cells say what they are. Press *Run pipeline* in the toolbar above, and watch the cells.'
  );
  return {
    cells: [
      { cell_type: 'markdown', id: 'introduction', metadata: {}, source: introduction },
      ...cells.map(([source, tags], at) => ({
        cell_type: 'code' as const,
        id: `cell-${at}`,
        metadata: { tags },
        source,
        outputs: [],
        execution_count: null
      }))
    ],
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5
  };
}
