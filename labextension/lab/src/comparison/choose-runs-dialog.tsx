/** The dialog in which the user chooses the runs to compare. */

import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { FEWEST_RUNS, MOST_RUNS } from '@kfnb/core/comparison/comparison-parts';
import { formatStart, valueText } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { ListedRun } from '@kfnb/core/wire/api-types';
import { ISessions } from '../session/sessions-plugin';

const COUNT = 100; // of the newest runs

/** Lets the user choose among the newest runs; those of the current notebook are chosen beforehand. Null if the user cancels. */
export async function chooseRuns(sessions: ISessions, trans: TranslationBundle): Promise<string[] | null> {
  const { runs } = await sessions.client.runs('', null, COUNT);
  if (runs.length < FEWEST_RUNS) {
    throw new Error(trans.__('There are not yet two runs to compare'));
  }
  const path = sessions.current?.path ?? null;
  const own = runs.filter(run => run.path !== null && run.path === path).slice(0, FEWEST_RUNS);
  const body = new ChoiceBody(runs, own.length === FEWEST_RUNS ? own.map(run => run.run) : [], trans);
  const answer = await showDialog({
    title: trans.__('Compare runs'),
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: trans.__('Compare') })],
    focusNodeSelector: 'input'
  });
  if (!answer.button.accept || answer.value === null) {
    return null;
  }
  const { length } = answer.value;
  if (length < FEWEST_RUNS || length > MOST_RUNS) {
    throw new Error(trans.__('%1 to %2 runs can be compared, not %3', FEWEST_RUNS, MOST_RUNS, length));
  }
  return answer.value;
}

class ChoiceBody extends ReactWidget implements Dialog.IBodyWidget<string[]> {
  constructor(
    private readonly _runs: ListedRun[],
    chosen: string[],
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-ChooseRuns');
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
    this._chosen = new Set(chosen);
  }

  /** The chosen runs, the oldest first: what came later is shown as it differs from what was before. */
  getValue(): string[] {
    return this._runs
      .map(run => run.run)
      .filter(run => this._chosen.has(run))
      .reverse();
  }

  protected render(): React.JSX.Element {
    return (
      <RunChoice
        runs={this._runs}
        chosen={this._chosen}
        onChoose={(run, chosen) => {
          if (chosen) {
            this._chosen.add(run);
          } else {
            this._chosen.delete(run);
          }
          this.update();
        }}
        trans={this._trans}
      />
    );
  }

  private readonly _chosen: Set<string>;
}

interface ChoiceProps {
  runs: ListedRun[];
  chosen: ReadonlySet<string>;
  onChoose: (run: string, chosen: boolean) => void;
  trans: TranslationBundle;
}

function RunChoice({ runs, chosen, onChoose, trans }: ChoiceProps): React.JSX.Element {
  const [text, setText] = React.useState('');
  const wanted = text.toLowerCase();
  const shown = runs.filter(run => chosen.has(run.run) || describe(run).toLowerCase().includes(wanted));
  return (
    <>
      <label>
        {trans.__('Find')}
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('id, name, parameter, note')}
          onChange={event => setText(event.target.value)}
        />
      </label>
      <ul aria-label={trans.__('Newest runs')}>
        {shown.map(run => (
          <li key={run.run}>
            <label>
              <input
                type="checkbox"
                checked={chosen.has(run.run)}
                onChange={event => onChoose(run.run, event.target.checked)}
              />
              <span title={words(trans)[run.state]}>{SHAPES[run.state]}</span>
              <span className="kfnb-ChooseRuns-began">{formatStart(run.created)}</span>
              <span className="kfnb-ChooseRuns-about">{describe(run)}</span>
            </label>
          </li>
        ))}
      </ul>
      <p role="status">{trans.__('%1 of at most %2 runs', chosen.size, MOST_RUNS)}</p>
    </>
  );
}

/** What a run is told apart by. */
function describe(run: ListedRun): string {
  const values = Object.entries(run.parameters).map(([name, value]) => `${name} = ${valueText(value)}`);
  return [run.pipeline, run.experiment, values.join(', '), run.tags.join(' '), run.note, run.run]
    .filter(one => one)
    .join(' · ');
}
