/** The parts of the side bar: a graph, fields for parameters of each type, problems. And the plots of a sweep. */

import * as React from 'react';

import { axesOf } from '@kfnb/core/plots/parallel-view';
import { Ranges, runColumns } from '@kfnb/core/plots/run-columns';
import { progressByStep } from '@kfnb/core/run/run-progress';
import { Parameter, Problem } from '@kfnb/core/wire/api-types';
import { ExperimentPlots } from '../../lab/src/experiments/experiment-plots';
import { PipelineGraph } from '../../lab/src/graph/pipeline-graph';
import { DeliveryBar } from '../../lab/src/panel/delivery-bar';
import { ParameterForm } from '../../lab/src/panel/parameter-form';
import { ProblemList } from '../../lab/src/panel/problem-list';
import { smallGraph } from './fixtures/graph-fixtures';
import { RUN, SWEEP } from './fixtures/run-fixtures';
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
const PROBLEM: Problem = {
  code: 'KF301',
  message: '`table` is read here, and no step makes it',
  hint: 'Mark the cell that makes it.',
  severity: 'error',
  cell: 4,
  cell_id: null,
  line: 2,
  name: 'table',
  marks: ['step:load']
};

const PROGRESS = progressByStep(RUN);
const GRAPH = smallGraph();
const COLUMNS = runColumns(SWEEP, TRANS);
const AXES = axesOf(COLUMNS, SWEEP);
const RANGES: Ranges = { 'metric.score': [0.4, 1] };
const INSIDE = new Set(SWEEP.filter(run => Number(run.metrics.score) > 0.74).map(run => run.run));

export const FORM_STORIES: Record<string, Story> = {
  'side-bar': reactStory('.kfnb-Form-wrong', 'kfnb-Panel story-column', () => (
    <div className="kfnb-Panel-body">
      <PipelineGraph
        graph={GRAPH}
        progress={step => PROGRESS.get(step) ?? null}
        onStep={ignore}
        onFold={ignore}
        trans={TRANS}
      />
      <DeliveryBar
        delivery={{ phase: 'push', share: 0.7, title: 'pandas, numpy and 3 more', done: 31e6, size: 45.2e6 }}
        trans={TRANS}
      />
      <ParameterForm
        parameters={PARAMETERS}
        values={new Map([['epochs', '120']])}
        errors={ERRORS}
        onChange={ignore}
        trans={TRANS}
      />
      <ProblemList
        problems={[PROBLEM, { ...PROBLEM, severity: 'warning', line: null, marks: [], hint: '' }]}
        onProblem={ignore}
        onMark={ignore}
        trans={TRANS}
      />
    </div>
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
