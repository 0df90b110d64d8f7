/** Fields for parameters of each type, and the plots of a sweep. */

import * as React from 'react';

import { axesOf } from '@kfnb/core/plots/parallel-view';
import { Ranges, runColumns } from '@kfnb/core/plots/run-columns';
import { Parameter } from '@kfnb/core/wire/api-types';
import { ExperimentPlots } from '../../lab/src/experiments/experiment-plots';
import { ParameterForm } from '../../lab/src/panel/parameter-form';
import { SWEEP } from './fixtures/run-fixtures';
import { ignore, reactStory, Story, TRANS } from './story';

const PARAMETERS: Parameter[] = [
  { name: 'path', type: 'str', default: 'sales.parquet', description: 'where the sales are' },
  { name: 'epochs', type: 'int', default: 12, schema: { type: 'integer', minimum: 1, maximum: 100 } },
  { name: 'learning_rate', type: 'float', default: 0.01 },
  { name: 'share', type: 'float', default: 0.2, schema: { type: 'number', minimum: 0, maximum: 1, step: 0.05 } },
  { name: 'model', type: 'str', default: 'ridge', schema: { enum: ['ridge', 'lasso', 'gradient-boosting'] } },
  { name: 'since', type: 'str', default: '2026-01-01', schema: { type: 'string', format: 'date' } },
  { name: 'columns', type: 'list', default: ['x', 'y'] },
  { name: 'a_parameter_with_a_name_that_is_long', type: 'str', default: '' },
  { name: 'dry_run', type: 'bool', default: true }
];
const ERRORS = new Map([['epochs', '`120` is more than 100, the largest value that is allowed']]);
const COLUMNS = runColumns(SWEEP, TRANS);
const AXES = axesOf(COLUMNS, SWEEP);
const RANGES: Ranges = { 'metric.score': [0.4, 1] };
const INSIDE = new Set(SWEEP.filter(run => Number(run.metrics.score) > 0.74).map(run => run.run));

export const FORM_STORIES: Record<string, Story> = {
  parameters: reactStory('.kfnb-Form-wrong', 'kfnb-Panel story-column', () => (
    <ParameterForm
      parameters={PARAMETERS}
      values={new Map([['epochs', '120']])}
      errors={ERRORS}
      onChange={ignore}
      trans={TRANS}
    />
  )),
  plots: reactStory('.kfnb-Scatter-point', 'kfnb-Experiment', () => (
    <ExperimentPlots
      runs={SWEEP}
      columns={COLUMNS}
      axes={AXES}
      ranges={RANGES}
      inside={INSIDE}
      marked={SWEEP[3].run}
      onRanges={ignore}
      onMark={ignore}
      onOpen={ignore}
      trans={TRANS}
    />
  ))
};
