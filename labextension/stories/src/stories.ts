/** All stories by their names. A new view has its story here. */

import { DIALOG_STORIES } from './dialog-stories';
import { FORM_STORIES } from './form-stories';
import { GRAPH_STORIES } from './graph-stories';
import { INSPECTOR_STORIES } from './inspector-stories';
import { LOG_STORIES } from './log-stories';
import { PAGE_STORIES } from './page-stories';
import { RUN_STORIES } from './run-stories';
import { SCHEDULE_STORIES } from './schedule-stories';
import { Story } from './story';
import { VALUE_STORIES } from './value-stories';

export const STORIES: Record<string, Story> = {
  ...GRAPH_STORIES,
  ...LOG_STORIES,
  ...VALUE_STORIES,
  ...RUN_STORIES,
  ...FORM_STORIES,
  ...INSPECTOR_STORIES,
  ...SCHEDULE_STORIES,
  ...DIALOG_STORIES,
  ...PAGE_STORIES
};
