/** The page of an experiment or a sweep in the main area: plots and the table of its runs. */

import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { FEWEST_RUNS, MOST_RUNS } from '@kfnb/core/comparison/comparison-parts';
import { errorText } from '@kfnb/core/format';
import { axesOf } from '@kfnb/core/plots/parallel-view';
import { isInRanges, Ranges, runColumns, sortRuns } from '@kfnb/core/plots/run-columns';
import { FINAL_STATES } from '@kfnb/core/states';
import { ListedRun } from '@kfnb/core/wire/api-types';
import { initialQuery } from '../all-runs/run-filters';
import { pipelineIcon } from '../common/pipeline-icon';
import { RestClient } from '../server/rest-client';
import { ExperimentPlots } from './experiment-plots';
import { ExperimentTable } from './experiment-table';

const MAX_RUNS = 1_000; // the newest, in one answer of the server
const REFRESH_INTERVAL = 3_000; // milliseconds, while one of the runs goes on

/** What the page of an experiment does outside of itself. */
export interface ExperimentActions {
  openRun: (run: string) => void;
  compare: (runs: string[]) => void;
}

/** The tab of an experiment. */
export class ExperimentPage extends MainAreaWidget<ReactWidget> {
  constructor(
    readonly experiment: string,
    client: RestClient,
    actions: ExperimentActions,
    trans: TranslationBundle
  ) {
    const content = ReactWidget.create(
      <Loader experiment={experiment} client={client} actions={actions} trans={trans} />
    );
    content.addClass('kfnb-Experiment');
    content.addClass('kfnb-Controls');
    content.addClass('kfnb-Fields');
    content.node.dataset.lmSuppressShortcuts = 'true';
    super({ content });
    this.toolbar.hide();
    this.id = `kfnb-experiment-${encodeURIComponent(experiment)}`;
    this.title.icon = pipelineIcon;
    this.title.label = experiment;
    this.title.caption = trans.__('Experiment %1', experiment);
    this.title.closable = true;
  }
}

interface LoaderProps {
  experiment: string;
  client: RestClient;
  actions: ExperimentActions;
  trans: TranslationBundle;
}

/** Reads the runs, and again while one of them goes on. */
function Loader({ experiment, client, actions, trans }: LoaderProps): React.JSX.Element {
  const [page, setPage] = React.useState<{ runs: ListedRun[]; total: number } | null>(null);
  const [error, setError] = React.useState<string | null>(null);
  const load = React.useCallback(async () => {
    try {
      setPage(await client.findRuns({ ...initialQuery(), experiment, count: MAX_RUNS }));
      setError(null);
    } catch (caught) {
      setError(errorText(caught));
    }
  }, [client, experiment]);
  React.useEffect(() => void load(), [load]);
  const live = page?.runs.some(run => !FINAL_STATES.has(run.state)) ?? false;
  React.useEffect(() => {
    const timer = live ? window.setInterval(() => void load(), REFRESH_INTERVAL) : 0;
    return () => window.clearInterval(timer);
  }, [live, load]);
  return (
    <>
      <div className="kfnb-Experiment-head">
        <h1>{experiment}</h1>
        {page && page.total > page.runs.length && (
          <span>{trans.__('the newest %1 of %2 runs', page.runs.length, page.total)}</span>
        )}
        <button type="button" className="jp-mod-styled" onClick={() => void load()}>
          {trans.__('Refresh')}
        </button>
      </div>
      {error !== null && (
        <p className="kfnb-Experiment-error" role="alert">
          {trans.__('The runs cannot be listed: %1', error)}
        </p>
      )}
      {page && page.runs.length === 0 && <p>{trans.__('The experiment has no runs any more.')}</p>}
      {page && page.runs.length > 0 && <Experiment runs={page.runs} actions={actions} trans={trans} />}
    </>
  );
}

interface ExperimentProps {
  runs: ListedRun[];
  actions: ExperimentActions;
  trans: TranslationBundle;
}

function Experiment({ runs, actions, trans }: ExperimentProps): React.JSX.Element {
  const [ranges, setRanges] = React.useState<Ranges>({});
  const [marked, mark] = React.useState<string | null>(null);
  const [order, setOrder] = React.useState({ key: '', descending: false });
  const [chosen, choose] = React.useState<ReadonlySet<string>>(new Set());
  const chooseRun = React.useCallback(
    (run: string, isChosen: boolean) =>
      choose(before => new Set([...[...before].filter(one => one !== run), ...(isChosen ? [run] : [])])),
    []
  );
  const columns = React.useMemo(() => runColumns(runs, trans), [runs, trans]);
  const axes = React.useMemo(() => axesOf(columns, runs), [columns, runs]);
  const inside = React.useMemo(() => {
    const places = new Map(columns.map(column => [column.key, column]));
    const isInside = (run: ListedRun) =>
      isInRanges(ranges, key => {
        const value = places.get(key)?.valueOf(run);
        return value === undefined ? null : (axes.get(key)?.place(value) ?? null);
      });
    return new Set(runs.filter(isInside).map(run => run.run));
  }, [ranges, runs, columns, axes]);
  const by = columns.find(column => column.key === order.key);
  const rows = by ? sortRuns(runs, by, order.descending) : runs;
  const shown = rows.filter(run => inside.has(run.run));
  const compared = runs
    .map(run => run.run)
    .filter(run => chosen.has(run) && inside.has(run))
    .reverse(); // the oldest first
  return (
    <>
      <ExperimentPlots
        runs={runs}
        columns={columns}
        axes={axes}
        ranges={ranges}
        inside={inside}
        marked={marked}
        onRanges={setRanges}
        onMark={mark}
        onOpen={actions.openRun}
        trans={trans}
      />
      <div className="kfnb-Experiment-actions" role="toolbar" aria-label={trans.__('What to do with the chosen runs')}>
        <button
          type="button"
          className="jp-mod-styled"
          disabled={compared.length < FEWEST_RUNS || compared.length > MOST_RUNS}
          title={trans.__('Show what differs between the chosen runs, %1 to %2', FEWEST_RUNS, MOST_RUNS)}
          onClick={() => actions.compare(compared)}
        >
          {compared.length < FEWEST_RUNS
            ? trans.__('Compare')
            : trans._n('Compare %1 run', 'Compare %1 runs', compared.length)}
        </button>
        <button
          type="button"
          className="jp-mod-styled"
          disabled={Object.keys(ranges).length === 0}
          onClick={() => setRanges({})}
        >
          {trans.__('Show all runs')}
        </button>
        <span role="status">{trans.__('%1 of %2 runs', shown.length, runs.length)}</span>
      </div>
      <ExperimentTable
        runs={shown}
        columns={columns}
        order={order}
        onOrder={setOrder}
        marked={marked}
        onMark={mark}
        chosen={chosen}
        onChoose={chooseRun}
        onOpen={actions.openRun}
        trans={trans}
      />
    </>
  );
}
