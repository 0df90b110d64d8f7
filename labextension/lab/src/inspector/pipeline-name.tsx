/** The part of the form that is about the whole notebook: the name of its pipeline. */

import { INotebookModel } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { MarkInput } from './mark-input';

interface NameProps {
  model: INotebookModel;
  onChange: () => void;
  trans: TranslationBundle;
}

export function PipelineName({ model, onChange, trans }: NameProps): React.JSX.Element {
  const settings = (model.getMetadata('kfnb') ?? {}) as Record<string, unknown>;
  const label = trans.__('Name of the pipeline');
  const rename = (name: string) => {
    const changed = Object.fromEntries(Object.entries({ ...settings, name }).filter(([, value]) => value !== ''));
    if (Object.keys(changed).length > 0) {
      model.setMetadata('kfnb', changed);
    } else {
      model.deleteMetadata('kfnb');
    }
    onChange();
  };
  return (
    <fieldset className="kfnb-Marks-group">
      <legend>{trans.__('Notebook')}</legend>
      <div className="kfnb-Marks-field">
        <span>{label}</span>
        <MarkInput value={typeof settings.name === 'string' ? settings.name : ''} label={label} onCommit={rename} />
      </div>
    </fieldset>
  );
}
