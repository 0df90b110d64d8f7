/** The dialog for the tags and the note of a run. */

import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ListedRun } from '@kfnb/core/wire/api-types';
import { tagsOf } from './run-filters';

export interface RunLabels {
  tags: string[];
  note: string;
}

/** Asks for the tags and the note of a run. Null if the user cancels. */
export async function askRunLabels(run: ListedRun, trans: TranslationBundle): Promise<RunLabels | null> {
  const answer = await showDialog({
    title: trans.__('Tags and note of %1', run.run),
    body: new LabelsBody({ tags: run.tags, note: run.note }, trans),
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: trans.__('Save') })],
    focusNodeSelector: 'input'
  });
  return answer.button.accept ? answer.value : null;
}

class LabelsBody extends ReactWidget implements Dialog.IBodyWidget<RunLabels> {
  constructor(
    private readonly _labels: RunLabels,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-RunLabels');
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
  }

  getValue(): RunLabels {
    const [tags, note] = [...this.node.querySelectorAll('input')].map(input => input.value);
    return { tags: tagsOf(tags), note: note.trim() };
  }

  protected render(): React.JSX.Element {
    return (
      <>
        <label>
          {this._trans.__('Tags, with commas between them')}
          <input className="jp-mod-styled" defaultValue={this._labels.tags.join(', ')} />
        </label>
        <label>
          {this._trans.__('Note')}
          <input className="jp-mod-styled" defaultValue={this._labels.note} />
        </label>
      </>
    );
  }
}
