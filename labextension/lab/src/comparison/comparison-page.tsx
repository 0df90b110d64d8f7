/** The page of a comparison in the main area: what is the same and what differs between runs. */

import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import {
  cellsToShow,
  FEWEST_RUNS,
  numbersOf,
  PartName,
  partsToShow,
  sameParts
} from '@kfnb/core/comparison/comparison-parts';
import { errorText } from '@kfnb/core/format';
import { FINAL_STATES } from '@kfnb/core/states';
import { ComparedValue, Comparison } from '@kfnb/core/wire/api-types';
import { pipelineIcon } from '../common/pipeline-icon';
import { RestClient } from '../server/rest-client';
import { CodeDifferences } from './code-differences';
import { ComparisonTable } from './comparison-table';
import { SideBySide } from './side-by-side';

const REFRESH_INTERVAL = 3_000; // milliseconds, while one of the runs goes on

/** The tab of a comparison. */
export class ComparisonPage extends MainAreaWidget<ComparisonContent> {
  constructor(
    readonly runs: string[],
    client: RestClient,
    rendermime: IRenderMimeRegistry,
    openRun: (run: string) => void,
    trans: TranslationBundle
  ) {
    const actions = { openRun, replace: (others: string[]) => this.replaced.emit(others) };
    super({ content: new ComparisonContent(runs, client, rendermime, actions, trans) });
    this.toolbar.hide();
    this.id = `kfnb-comparison-${runs.join('-')}`;
    this.title.icon = pipelineIcon;
    this.title.label = trans._n('Comparison of %1 run', 'Comparison of %1 runs', runs.length);
    this.title.caption = runs.join('\n');
    this.title.closable = true;
  }

  /** Emits the runs of the comparison that the user wants in place of this one. */
  readonly replaced = new Signal<this, string[]>(this);
}

/** What a comparison does outside of itself. */
export interface ComparisonActions {
  openRun: (run: string) => void;
  replace: (runs: string[]) => void;
}

class ComparisonContent extends ReactWidget {
  constructor(
    private readonly _runs: string[],
    private readonly _client: RestClient,
    private readonly _rendermime: IRenderMimeRegistry,
    private readonly _actions: ComparisonActions,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-Comparison');
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
    this.node.dataset.lmSuppressShortcuts = 'true';
  }

  protected render(): React.JSX.Element {
    return (
      <Loader
        runs={this._runs}
        client={this._client}
        rendermime={this._rendermime}
        actions={this._actions}
        trans={this._trans}
      />
    );
  }
}

interface LoaderProps {
  runs: string[];
  client: RestClient;
  rendermime: IRenderMimeRegistry;
  actions: ComparisonActions;
  trans: TranslationBundle;
}

/** Reads the comparison, and again while one of its runs goes on. */
function Loader({ runs, client, rendermime, actions, trans }: LoaderProps): React.JSX.Element {
  const [comparison, setComparison] = React.useState<Comparison | null>(null);
  const [error, setError] = React.useState<string | null>(null);
  const load = React.useCallback(async () => {
    try {
      setComparison(await client.compareRuns(runs));
      setError(null);
    } catch (caught) {
      setError(errorText(caught));
    }
  }, [client, runs]);
  React.useEffect(() => void load(), [load]);
  const live = comparison?.runs.some(run => !FINAL_STATES.has(run.state)) ?? false;
  React.useEffect(() => {
    const timer = live ? window.setInterval(() => void load(), REFRESH_INTERVAL) : 0;
    return () => window.clearInterval(timer);
  }, [live, load]);
  return (
    <>
      {error !== null && (
        <div className="kfnb-Comparison-error" role="alert">
          <p>{trans.__('The runs cannot be compared: %1', error)}</p>
          <button type="button" className="jp-mod-styled" onClick={() => void load()}>
            {trans.__('Try Again')}
          </button>
        </div>
      )}
      {comparison === null && error === null && <p role="status">{trans.__('The runs are being read …')}</p>}
      {comparison && (
        <Compared comparison={comparison} client={client} rendermime={rendermime} actions={actions} trans={trans} />
      )}
    </>
  );
}

interface ComparedProps {
  comparison: Comparison;
  client: RestClient;
  rendermime: IRenderMimeRegistry;
  actions: ComparisonActions;
  trans: TranslationBundle;
}

function Compared({ comparison, client, rendermime, actions, trans }: ComparedProps): React.JSX.Element {
  const [all, setAll] = React.useState(false);
  const parts = partsToShow(comparison, all, trans);
  const cells = cellsToShow(comparison, all);
  const same = sameParts(comparison, trans);
  const ids = comparison.runs.map(run => run.run);
  const names = ids.join(',');
  const readIterations = React.useCallback(
    (part: PartName, row: ComparedValue, start: number) => {
      const step = row.loop?.step ?? '';
      const output = part === 'outputs' ? row.name.slice(step.length + 1) : '';
      return client.compareIterations(names.split(','), { step, part, output, all, start });
    },
    [client, names, all]
  );
  const unknown = comparison.runs.filter(run => !run.has_packages).map(run => run.run);
  return (
    <>
      <div className="kfnb-Comparison-head">
        <h1>{trans._n('Comparison of %1 run', 'Comparison of %1 runs', ids.length)}</h1>
        <label>
          <input type="checkbox" checked={all} onChange={event => setAll(event.target.checked)} />
          {trans.__('Show also what is the same')}
        </label>
      </div>
      <ComparisonTable
        comparison={comparison}
        parts={parts}
        readIterations={readIterations}
        onOpen={actions.openRun}
        onFirst={run => actions.replace([run, ...ids.filter(one => one !== run)])}
        onRemove={ids.length > FEWEST_RUNS ? run => actions.replace(ids.filter(one => one !== run)) : null}
        trans={trans}
      />
      {cells.length > 0 && <CodeDifferences comparison={comparison} cells={cells} trans={trans} />}
      <SideBySide comparison={comparison} client={client} rendermime={rendermime} trans={trans} />
      {!all && same.length > 0 && (
        <p className="kfnb-Comparison-same">{trans.__('The same in all runs: %1', same.join(', '))}</p>
      )}
      {unknown.length > 0 && (
        <p className="kfnb-Comparison-same">
          {trans.__('The packages of these runs are not recorded: %1', numbersOf(unknown, comparison))}
        </p>
      )}
    </>
  );
}
