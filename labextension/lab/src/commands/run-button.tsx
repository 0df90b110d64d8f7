/** The button in the notebook's toolbar that runs the pipeline and, while it runs, stops it. */

import { CommandToolbarButtonComponent, ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import React from 'react';

export function runButton(commands: CommandRegistry, id: string): Widget {
  const button = ReactWidget.create(
    <UseSignal signal={commands.commandChanged}>
      {() => <CommandToolbarButtonComponent commands={commands} id={id} label={commands.label(id)} />}
    </UseSignal>
  );
  button.addClass('jp-CommandToolbarButton');
  button.addClass('kfnb-RunButton');
  return button;
}
