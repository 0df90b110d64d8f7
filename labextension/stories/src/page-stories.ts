/** The pages of the main area: a run, all runs, an experiment and a comparison; also while they are empty or fail. */

import { RenderMimeRegistry, standardRendererFactories } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';

import { AllRunsModel } from '../../lab/src/all-runs/all-runs-model';
import { AllRunsView } from '../../lab/src/all-runs/all-runs-view';
import { ComparisonPage } from '../../lab/src/comparison/comparison-page';
import { ExperimentPage } from '../../lab/src/experiments/experiment-page';
import { PageActions } from '../../lab/src/run-page/page-head';
import { RunPage } from '../../lab/src/run-page/run-page';
import { COMPARISON } from './fixtures/comparison-fixtures';
import { smallGraph } from './fixtures/graph-fixtures';
import { LOG } from './fixtures/log-fixtures';
import { CHOICES, DETAILS, FAILED, ONE_OF_EACH_STATE, SWEEP } from './fixtures/run-fixtures';
import { VALUES } from './fixtures/value-fixtures';
import { Answers, Refusal, silentStream, storyClient, storySessions } from './server';
import { dialogStory, drawn, End, ignore, narrow, pageStory, Story, TRANS } from './story';

const RENDERMIME = new RenderMimeRegistry({ initialFactories: standardRendererFactories });
const ID = FAILED.run.run;
const STEP = `GET runs/${ID}/steps/explain`;
const RUN: Answers = {
  [`GET runs/${ID}`]: FAILED,
  [`GET runs/${ID}/graph`]: { graph: smallGraph(), cells: [] },
  [`GET runs/${ID}/details`]: DETAILS,
  [`${STEP}/log`]: LOG,
  [`${STEP}/display`]: { outputs: [] },
  [`${STEP}/values`]: VALUES
};
const GONE: Answers = { ...RUN, [`GET runs/${ID}`]: new Refusal(`there is no run ${ID}: it was deleted`) };
const NOTHING = { runs: [], total: 0 };
const SILENT = new Refusal('the record of runs cannot be read: the disk is full. Free some of it.');

function runPage(answers: Answers): RunPage {
  const actions: PageActions = {
    retry: () => Promise.resolve(),
    openNotebook: () => Promise.resolve(),
    copyLink: ignore,
    compare: ignore,
    openReport: ignore
  };
  return new RunPage(ID, storySessions(storyClient(answers)), RENDERMIME, actions, TRANS);
}

function allRuns(found: unknown): AllRunsView {
  const client = storyClient({ 'GET runs': found, 'GET runs/choices': CHOICES });
  const actions = { openNotebook: ignore, openPage: ignore, openExperiment: ignore, compare: ignore };
  return new AllRunsView(new AllRunsModel(client, silentStream()), actions, TRANS);
}

function experiment(found: unknown): ExperimentPage {
  const client = storyClient({ 'GET runs': found });
  return new ExperimentPage('learning rates of January', client, { openRun: ignore, compare: ignore }, TRANS);
}

function comparison(found: unknown): ComparisonPage {
  const client = storyClient({ 'GET comparison': found });
  return new ComparisonPage(COMPARISON.runs.map(({ run }) => run), client, RENDERMIME, ignore, TRANS); // prettier-ignore
}

const ALL = { runs: [...ONE_OF_EACH_STATE, ...SWEEP.slice(0, 7)], total: 212 };

/** All runs, of which the first two are chosen to be deleted. */
const deleteRuns = dialogStory('.jp-mod-warn', async place => {
  await pageStory('', () => allRuns({ runs: ONE_OF_EACH_STATE, total: 5 })).draw(place);
  await drawn(place, 'tbody tr');
  [...place.querySelectorAll<HTMLElement>('tbody [type="checkbox"]')].slice(0, 2).forEach(box => box.click());
  const press = await drawn<HTMLElement>(place, '.kfnb-AllRuns-actions button:nth-of-type(3):not(:disabled)');
  press.click();
});

/** Two pages with little to show, one below the other. */
function twoPages(key: string, pages: () => [Widget, Widget]): Story {
  return narrow({
    key,
    draw(place) {
      const ends = pages().map(page => pageStory('', () => page).draw(place) as End);
      return () => ends.forEach(end => end());
    }
  });
}

export const PAGE_STORIES: Record<string, Story> = {
  'run-page': pageStory('.kfnb-RunPage .kfnb-Values', () => runPage(RUN)),
  'all-runs': pageStory('.kfnb-AllRuns tbody tr', () => allRuns(ALL)),
  'delete-runs': deleteRuns,
  experiment: pageStory('.kfnb-Experiment-table', () => experiment({ runs: SWEEP.slice(0, 12), total: 12 })),
  nothing: twoPages('.kfnb-AllRuns-empty', () => [allRuns(NOTHING), runPage(GONE)]),
  unread: twoPages('.kfnb-AllRuns-error', () => [allRuns(SILENT), experiment(NOTHING)]),
  'comparison-page': pageStory('.kfnb-Comparison-table', () => comparison(COMPARISON))
};
