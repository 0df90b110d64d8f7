/** The list of all runs in the main area: filters, what can be done with the chosen runs, the table and its pages. */

import { Dialog, Notification, ReactWidget, showDialog, showErrorMessage, UseSignal } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { FEWEST_RUNS, MOST_RUNS } from '@kfnb/core/comparison/comparison-parts';
import { errorText } from '@kfnb/core/format';
import { FINAL_STATES } from '@kfnb/core/states';
import { ListedRun } from '@kfnb/core/wire/api-types';
import { KeepFocus } from '../common/keep-focus';
import { AllRunsModel } from './all-runs-model';
import { ExperimentList } from './experiment-list';
import { RunFilterForm } from './run-filter-form';
import { isFiltered } from './run-filters';
import { askRunLabels } from './run-labels-dialog';
import { RunTable } from './run-table';

/** What the list does outside of itself. */
export interface RunActions {
  /** Opens the notebook of a run with the states and logs of that run. */
  openNotebook(run: ListedRun): void;
  /** Opens the page of a run. */
  openPage(run: ListedRun): void;
  /** Opens the page of an experiment. */
  openExperiment(experiment: string): void;
  /** Opens a page that shows what differs between runs. */
  compare(runs: string[]): void;
}

export class AllRunsView extends ReactWidget {
  constructor(
    private readonly _model: AllRunsModel,
    private readonly _actions: RunActions,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-AllRuns');
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
    this.disposed.connect(() => _model.dispose());
  }

  /** Lists experiments in place of runs. */
  group(): void {
    this._model.grouped = true;
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._model.looked = true;
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._model.looked = false;
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._model.looked = this.isVisible;
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.querySelector<HTMLElement>('input[type="search"]')?.focus();
  }

  protected render(): React.JSX.Element {
    return (
      <UseSignal signal={this._model.changed}>
        {() => (
          <KeepFocus className="kfnb-AllRuns-body">
            <AllRuns model={this._model} actions={this._actions} trans={this._trans} />
          </KeepFocus>
        )}
      </UseSignal>
    );
  }
}

interface AllRunsProps {
  model: AllRunsModel;
  actions: RunActions;
  trans: TranslationBundle;
}

function AllRuns({ model, actions, trans }: AllRunsProps): React.JSX.Element {
  useTicking(model.runs.some(run => !FINAL_STATES.has(run.state)));
  return (
    <>
      <div className="kfnb-AllRuns-head">
        <h2>{trans.__('All Runs')}</h2>
        <label>
          <input
            type="checkbox"
            checked={model.grouped}
            onChange={event => {
              model.grouped = event.target.checked;
            }}
          />
          {trans.__('Group by experiment')}
        </label>
      </div>
      {model.error && (
        <p className="kfnb-AllRuns-error" role="alert">
          {trans.__('The runs cannot be listed: %1', model.error)}
        </p>
      )}
      {model.grouped ? (
        <ExperimentList experiments={model.experiments} onOpen={actions.openExperiment} trans={trans} />
      ) : (
        <Runs model={model} actions={actions} trans={trans} />
      )}
    </>
  );
}

function Runs({ model, actions, trans }: AllRunsProps): React.JSX.Element {
  const { query } = model;
  return (
    <>
      <RunFilterForm query={query} choices={model.choices} onChange={part => model.change(part)} trans={trans} />
      <Actions model={model} actions={actions} trans={trans} />
      {model.total > 0 && (
        <RunTable
          runs={model.runs}
          selected={model.selected}
          order={query.order}
          onOrder={order => model.change({ order })}
          onSelect={(run, chosen) => model.select(run, chosen)}
          onOpen={actions.openPage}
          onNotebook={actions.openNotebook}
          onExperiment={actions.openExperiment}
          trans={trans}
        />
      )}
      {model.loaded && model.total === 0 && (
        <p className="kfnb-AllRuns-empty">
          {isFiltered(query)
            ? trans.__('No run is like that.')
            : trans.__('There is no run yet: open a notebook and run its pipeline.')}
        </p>
      )}
    </>
  );
}

/** Draws the durations of active runs anew each second. */
function useTicking(active: boolean): void {
  const [, tick] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    const timer = active ? window.setInterval(tick, 1_000) : 0;
    return () => window.clearInterval(timer);
  }, [active]);
}

function Actions({ model, actions, trans }: AllRunsProps): React.JSX.Element {
  const chosen = model.selected.size;
  const single = chosen === 1 ? model.runs.find(run => model.selected.has(run.run)) : undefined;
  const { start, count } = model.query;
  const last = Math.min(start + count, model.total);
  return (
    <div className="kfnb-AllRuns-actions" role="toolbar" aria-label={trans.__('What to do with the chosen runs')}>
      <button
        type="button"
        className="jp-mod-styled"
        disabled={chosen < FEWEST_RUNS || chosen > MOST_RUNS}
        title={trans.__('Show what differs between the chosen runs, %1 to %2', FEWEST_RUNS, MOST_RUNS)}
        onClick={() => actions.compare(model.selectedByAge())}
      >
        {chosen < FEWEST_RUNS ? trans.__('Compare') : trans._n('Compare %1 run', 'Compare %1 runs', chosen)}
      </button>
      <button
        type="button"
        className="jp-mod-styled"
        disabled={!single}
        onClick={() => single && void labelRun(model, single, trans)}
      >
        {trans.__('Tags and note…')}
      </button>
      <button
        type="button"
        className="jp-mod-styled"
        disabled={chosen === 0}
        onClick={() => void deleteChosen(model, trans)}
      >
        {chosen === 0 ? trans.__('Delete…') : trans._n('Delete %1 run…', 'Delete %1 runs…', chosen)}
      </button>
      <span className="kfnb-AllRuns-pages">
        <span role="status">
          {!model.loaded
            ? ''
            : model.total === 0
              ? trans.__('no runs')
              : trans.__('%1–%2 of %3', start + 1, last, model.total)}
        </span>
        <button
          type="button"
          className="jp-mod-styled"
          disabled={start === 0}
          onClick={() => model.change({ start: Math.max(0, start - count) })}
        >
          {trans.__('Previous')}
        </button>
        <button
          type="button"
          className="jp-mod-styled"
          disabled={last >= model.total}
          onClick={() => model.change({ start: start + count })}
        >
          {trans.__('Next')}
        </button>
      </span>
    </div>
  );
}

async function labelRun(model: AllRunsModel, run: ListedRun, trans: TranslationBundle): Promise<void> {
  const labels = await askRunLabels(run, trans);
  if (labels !== null) {
    try {
      await model.client.labelRun(run.run, labels);
      await model.refresh();
    } catch (error) {
      await showErrorMessage(trans.__('The tags were not saved'), errorText(error));
    }
  }
}

/** Deletes the chosen runs after the user has confirmed it. */
async function deleteChosen(model: AllRunsModel, trans: TranslationBundle): Promise<void> {
  const count = model.selected.size;
  const answer = await showDialog({
    title: trans._n('Delete %1 run?', 'Delete %1 runs?', count),
    body: trans.__(
      'Their logs and the values that no other run has are deleted, too. Runs that have not ended stay. This cannot be undone.'
    ),
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: trans.__('Delete') })],
    defaultButton: 0
  });
  if (!answer.button.accept) {
    return;
  }
  try {
    const deleted = await model.deleteSelected();
    if (deleted < count) {
      Notification.info(
        trans._n('%1 run has not ended and stays', '%1 runs have not ended and stay', count - deleted),
        { autoClose: 5000 }
      );
    }
  } catch (error) {
    await showErrorMessage(trans.__('The runs were not deleted'), errorText(error));
  }
}
