/** The timing of a run, and the view below a cell. */

import { element } from '@kfnb/core/elements';
import { progressByStep } from '@kfnb/core/run/run-progress';
import { runTiming, waits } from '@kfnb/core/timing/run-timing';
import { TimingView } from '@kfnb/core/timing/timing-view';
import { ViewState, ViewStep, WidgetModel } from '../../widget/src/model';
import inlineView from '../../widget/src/run';
import { smallGraph } from './fixtures/graph-fixtures';
import { NOW, RUN } from './fixtures/run-fixtures';
import { ignore, narrow, Story, TRANS } from './story';

function drawTiming(place: HTMLElement): void {
  const view = new TimingView(TRANS, ignore);
  place.append(view.node);
  view.show(runTiming(progressByStep(RUN), waits(smallGraph()), NOW), step => step, 'explain');
}

function drawInline(place: HTMLElement): void {
  const steps = [...progressByStep(RUN)].map(([name, progress]): [string, ViewStep] => {
    const percent = progress.state === 'running' ? 40 : null;
    return [name, { ...progress, ended: progress.endedIterations, line: null, percent }];
  });
  const shown: ViewState = {
    name: 'sales',
    graph: smallGraph(),
    form: {
      parameters: [
        { name: 'rate', type: 'float', default: '0.01' },
        { name: 'model', type: 'str', default: 'ridge', choices: ['ridge', 'lasso'] },
        { name: 'dry_run', type: 'bool', default: 'false' }
      ],
      targets: ['local', 'cluster']
    },
    run: {
      id: RUN.run.run,
      state: 'failed',
      started: RUN.run.started,
      finished: NOW,
      parameters: { rate: '0.01' },
      problem: 'step explain: ValueError: 3 columns were expected, and the frame has 2'
    },
    steps: Object.fromEntries(steps),
    chosen: 'explain',
    log: {
      step: 'explain',
      path: 'explain',
      paths: ['explain'],
      attempt: 1,
      attempts: 1,
      lines: ['Reading sales.parquet', '\x1b[31mValueError\x1b[0m: 3 columns were expected, and the frame has 2']
    },
    notice: null,
    doing: null,
    sequence: 1,
    now: NOW
  };
  const model: WidgetModel = {
    get: name => (name === 'shown' ? shown : ''),
    send: ignore,
    on: ignore,
    off: ignore,
    widget_manager: { get_model: () => Promise.reject(new Error('a story has no kernel')) }
  };
  inlineView.render({ model, el: place.appendChild(element('div', '')) });
}

export const RUN_STORIES: Record<string, Story> = {
  timing: narrow({ key: '.kfnb-Timing-bar[data-state="running"]', draw: drawTiming }),
  'inline-view': { key: '.kfnb-Run-log', draw: drawInline }
};
