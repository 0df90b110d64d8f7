/** The tables of runs, of a comparison and of schedules. */

import * as React from 'react';

import { partsToShow } from '@kfnb/core/comparison/comparison-parts';
import { Schedules } from '@kfnb/core/wire/api-types';
import { RunTable } from '../../lab/src/all-runs/run-table';
import { CodeDifferences } from '../../lab/src/comparison/code-differences';
import { ComparisonTable } from '../../lab/src/comparison/comparison-table';
import { ScheduleTable } from '../../lab/src/schedules/schedule-table';
import { COMPARISON } from './fixtures/comparison-fixtures';
import { BEGIN, ONE_OF_EACH_STATE } from './fixtures/run-fixtures';
import { ignore, reactStory, Story, TRANS } from './story';

const SCHEDULES: Schedules = {
  schedules: [
    {
      id: 'a1',
      name: 'sales of the night',
      notebook: 'sales.ipynb',
      cron: '0 3 * * 1-5',
      zone: 'Europe/Berlin',
      target: 'local',
      pipeline: 'sales',
      catch_up: 'last',
      concurrency: 'forbid',
      parameters: {},
      experiment: null,
      owner: 'ada',
      paused: false,
      created: BEGIN,
      words: 'at 03:00 on Monday to Friday',
      next: [BEGIN + 86_400],
      history: [{ due: BEGIN, state: 'failed', run: '20260101-030000-abcd', count: 1, message: '' }]
    }
  ],
  silent: { cluster: 'https://argo.example:2746 does not answer' }
};
const [NIGHT] = SCHEDULES.schedules;
SCHEDULES.schedules.push({ ...NIGHT, id: 'b2', name: 'weekly report', cron: '0 8 * * 1', paused: true, history: [] });

export const TABLE_STORIES: Record<string, Story> = {
  runs: reactStory('tr[data-state="failed"]', 'kfnb-AllRuns', () => (
    <RunTable
      runs={ONE_OF_EACH_STATE}
      selected={new Map([[ONE_OF_EACH_STATE[1].run, true]])}
      order="-created"
      onOrder={ignore}
      onSelect={ignore}
      onOpen={ignore}
      onExperiment={ignore}
      trans={TRANS}
    />
  )),
  comparison: reactStory('.kfnb-Comparison-change', 'kfnb-Comparison', () => (
    <>
      <ComparisonTable
        comparison={COMPARISON}
        parts={partsToShow(COMPARISON, true, TRANS)}
        onOpen={ignore}
        onFirst={ignore}
        onRemove={ignore}
        trans={TRANS}
      />
      <CodeDifferences comparison={COMPARISON} cells={COMPARISON.code} trans={TRANS} />
    </>
  )),
  schedules: reactStory('.kfnb-Schedules-silent', 'kfnb-Schedules', () => (
    <ScheduleTable found={SCHEDULES} shown={NIGHT} onShow={ignore} trans={TRANS} />
  ))
};
