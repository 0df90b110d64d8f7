/** The form for the marks of a cell, in the property inspector: a step with many marks, a cell of the `%%component` kind, and none. */

import * as React from 'react';

import { Problem } from '@kfnb/core/wire/api-types';
import { CellForm } from '../../lab/src/inspector/cell-form';
import { MarkForm } from '../../lab/src/inspector/mark-form';
import { PipelineName } from '../../lab/src/inspector/pipeline-name';
import { cell, CELLS, notebookPanel, PROBLEM } from './fixtures/notebook-fixtures';
import { fixed, ignore, reactStory, Story, TRANS } from './story';

const [, , , TRAIN, , PUBLISH] = CELLS;
const WRONG: Problem = {
  ...PROBLEM,
  name: 'cpu',
  cell_id: TRAIN.id,
  message: '`four` is no amount of processors: write 4, or 500m for half of one'
};

function formStory(key: string, at: number, problems: Problem[], cells = CELLS): Story {
  const { content } = notebookPanel(cells);
  return fixed(
    reactStory(key, 'kfnb-Marks kfnb-Fields story-column', () => (
      <>
        <MarkForm form={new CellForm(content, cells[at], problems, ignore)} trans={TRANS} />
        <PipelineName model={content.model!} onChange={ignore} trans={TRANS} />
      </>
    ))
  );
}

export const INSPECTOR_STORIES: Record<string, Story> = {
  'inspector-step': formStory('.kfnb-Marks-wrong', CELLS.indexOf(TRAIN), [WRONG]),
  'inspector-magic': formStory('.kfnb-Marks-where', CELLS.indexOf(PUBLISH), []),
  'inspector-none': formStory('.kfnb-Marks p', 0, [], [cell('b0', 'import pandas')])
};
