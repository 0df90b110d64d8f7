/** The parts of the side bar: a graph, fields for parameters of each type, problems. And the plots of a sweep. */

import * as React from 'react';

import { axesOf } from '@kfnb/core/plots/parallel-view';
import { Ranges, runColumns } from '@kfnb/core/plots/run-columns';
import { progressByStep } from '@kfnb/core/run/run-progress';
import { ExperimentPlots } from '../../lab/src/experiments/experiment-plots';
import { PipelineGraph } from '../../lab/src/graph/pipeline-graph';
import { DeliveryBar } from '../../lab/src/panel/delivery-bar';
import { ParameterForm } from '../../lab/src/panel/parameter-form';
import { ProblemList } from '../../lab/src/panel/problem-list';
import { smallGraph } from './fixtures/graph-fixtures';
import { PARAMETERS, PROBLEM, WARNING } from './fixtures/notebook-fixtures';
import { RUN, SWEEP } from './fixtures/run-fixtures';
import { fixed, ignore, narrow, reactStory, Story, TRANS } from './story';

const ERRORS = new Map([['epochs', '`120` is more than 100, the largest value that is allowed']]);
const PROGRESS = progressByStep(RUN);
const GRAPH = smallGraph();
const COLUMNS = runColumns(SWEEP, TRANS);
const AXES = axesOf(COLUMNS, SWEEP);
const RANGES: Ranges = { 'metric.score': [0.4, 1] };
const INSIDE = new Set(SWEEP.filter(run => Number(run.metrics.score) > 0.74).map(run => run.run));

export const FORM_STORIES: Record<string, Story> = {
  'side-bar': fixed(
    reactStory('.kfnb-Form-wrong', 'kfnb-Panel kfnb-Fields story-column', () => (
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
        <ProblemList problems={[PROBLEM, WARNING]} onProblem={ignore} onMark={ignore} trans={TRANS} />
      </div>
    ))
  ),
  plots: narrow(
    reactStory('.kfnb-Scatter-point', 'kfnb-Experiment kfnb-Controls kfnb-Fields', () => (
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
  )
};
