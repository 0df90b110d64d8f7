/** The dialog in which the user chooses how an unmarked notebook is divided into steps. It shows the graph of each choice. */

import { Dialog, ReactWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { errorText } from '@kfnb/core/format';
import { Explanation, NotebookRequest } from '@kfnb/core/wire/api-types';
import { PipelineGraph } from '../graph/pipeline-graph';
import { NotebookSession } from '../session/notebook-session';

type Division = NonNullable<NotebookRequest['as']>;

const DIVISIONS: Division[] = ['headings', 'cells', 'one'];

/** Asks the user. Resolves to the names of the steps by the ids of their cells, or to null. */
export async function chooseDivision(
  session: NotebookSession,
  trans: TranslationBundle
): Promise<ReadonlyMap<string, string> | null> {
  const body = new DivisionWidget(session, trans);
  const title = trans.__('Make this a pipeline');
  const dialog = new Dialog<ReadonlyMap<string, string>>({
    title,
    body,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.okButton({ label: trans.__('Mark the cells') })
    ]
  });
  dialog.addClass('kfnb-UnmarkedDialog');
  dialog.node.setAttribute('aria-label', title);
  const { button, value } = await dialog.launch();
  return button.accept ? value : null;
}

class DivisionWidget extends ReactWidget implements Dialog.IBodyWidget<ReadonlyMap<string, string>> {
  constructor(
    private readonly _session: NotebookSession,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-Unmarked');
    this.addClass('kfnb-Controls');
    DIVISIONS.forEach(how => void this._explain(how));
  }

  getValue(): ReadonlyMap<string, string> {
    const cells = this._explanations.get(this._how)?.cells ?? [];
    return new Map(cells.map(cell => [cell.id, cell.steps[0]]));
  }

  protected render(): React.JSX.Element {
    const trans = this._trans;
    const labels: Record<Division, string> = {
      headings: trans.__('A step for each heading'),
      cells: trans.__('A step for each cell'),
      one: trans.__('All cells as one step')
    };
    return (
      <>
        <fieldset>
          <legend>{trans.__('What becomes a step?')}</legend>
          {DIVISIONS.map(how => (
            <label key={how}>
              <input
                type="radio"
                name="kfnb-division"
                autoFocus={how === this._how}
                checked={how === this._how}
                onChange={() => {
                  this._how = how;
                  this.update();
                }}
              />
              {labels[how]}
            </label>
          ))}
        </fieldset>
        {this._renderPreview()}
        <p>{trans.__('Tags of the cells will say it. One undo takes them back.')}</p>
      </>
    );
  }

  private _renderPreview(): React.JSX.Element {
    const trans = this._trans;
    const found = this._explanations.get(this._how);
    const error = this._error || found?.problems.find(problem => problem.severity === 'error')?.message;
    return (
      <div className="kfnb-Unmarked-graph" role="region" aria-label={trans.__('Preview')} tabIndex={0}>
        <p role="status">
          {found ? trans._n('%1 step', '%1 steps', found.steps.length) : this._error ? '' : trans.__('Reading…')}
        </p>
        {error && <p role="alert">{error}</p>}
        {found?.graph && <PipelineGraph graph={found.graph} progress={noProgress} onStep={noAction} trans={trans} />}
      </div>
    );
  }

  private async _explain(how: Division): Promise<void> {
    try {
      this._explanations.set(how, await this._session.client.compile({ ...this._session.request(), as: how }));
    } catch (error) {
      this._error = errorText(error);
    }
    if (!this.isDisposed) {
      this.update();
    }
  }

  private _how: Division = 'headings';
  private _error = '';
  private readonly _explanations = new Map<Division, Explanation>();
}

const noProgress = () => null;
const noAction = () => undefined;
