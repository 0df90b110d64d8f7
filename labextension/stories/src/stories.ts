/** All stories by their names. A new view has its story here. */

import { FORM_STORIES } from './form-stories';
import { GRAPH_STORIES } from './graph-stories';
import { LOG_STORIES } from './log-stories';
import { RUN_STORIES } from './run-stories';
import { Story } from './story';
import { TABLE_STORIES } from './table-stories';

export const STORIES: Record<string, Story> = {
  ...GRAPH_STORIES,
  ...LOG_STORIES,
  ...RUN_STORIES,
  ...FORM_STORIES,
  ...TABLE_STORIES
};
