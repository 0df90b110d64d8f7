/** The plugin that adds the form for the marks of the active cell to the property inspector. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, ReactWidget } from '@jupyterlab/apputils';
import { INotebookModel, INotebookTools, INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { Collapser } from '@jupyterlab/ui-components';
import { Debouncer } from '@lumino/polling';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { CommandIDs } from '../common/command-ids';
import { pipelineIcon } from '../common/pipeline-icon';
import { ISessions } from '../session/sessions-plugin';
import { CellForm } from './cell-form';
import { MarkForm } from './mark-form';
import { PipelineName } from './pipeline-name';

const INSPECTOR = 'jp-property-inspector'; // JupyterLab's id of the side bar's part
const DELAY = 200; // milliseconds after the last change of the notebook

/** The shell of Notebook 7 has a method of its own to open the side bar. */
interface IExpandableShell {
  expandRight?: () => void;
}

export const inspectorPlugin: JupyterFrontEndPlugin<void> = {
  id: 'kfnb:inspector',
  description: 'Shows and changes the marks of the active cell in the property inspector.',
  autoStart: true,
  requires: [INotebookTracker, ISessions],
  optional: [INotebookTools, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    sessions: ISessions,
    tools: INotebookTools | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    if (tools === null) {
      return; // a page of Notebook 7 without a notebook, as that of the files
    }
    const trans = (translator ?? nullTranslator).load('kfnb');
    const tool = new MarkTool(tracker, sessions, trans);
    tools.addSection({ sectionName: 'kfnb', label: trans.__('Pipeline step'), tool, rank: 0 });
    app.commands.addCommand(CommandIDs.markForm, {
      label: trans.__('All Settings of This Cell…'),
      caption: trans.__('The form with all marks of the cell, in the property inspector'),
      icon: pipelineIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        (app.shell as IExpandableShell).expandRight?.();
        app.shell.activateById(INSPECTOR);
        tool.unfold();
      }
    });
    palette?.addItem({ command: CommandIDs.markForm, category: trans.__('Pipeline') });
  }
};

class MarkTool extends ReactWidget implements INotebookTools.ITool {
  constructor(
    private readonly _tracker: INotebookTracker,
    private readonly _sessions: ISessions,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-Marks');
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
    _tracker.activeCellChanged.connect(() => this._onCellChanged());
  }

  notebookTools!: INotebookTools; // which adds itself

  /** Opens the section of the property inspector that this is in. */
  unfold(): void {
    for (let above: Widget | null = this.parent; above !== null; above = above.parent) {
      if (above instanceof Collapser) {
        above.collapsed = false;
      }
    }
  }

  dispose(): void {
    this._debouncer.dispose();
    super.dispose();
  }

  protected onAfterShow(): void {
    this.update();
  }

  protected render(): React.JSX.Element | null {
    if (!this.isVisible) {
      return null; // shown, it is updated
    }
    const [panel, cell] = [this._tracker.currentWidget, this._tracker.activeCell];
    if (!panel || !panel.model || cell?.model.type !== 'code') {
      return <p>{this._trans.__('Select a code cell.')}</p>;
    }
    const onChange = () => this.update();
    const problems = this._sessions.of(panel).compiled.explanation?.problems ?? [];
    return (
      <>
        <MarkForm form={new CellForm(panel.content, cell.model, problems, onChange)} trans={this._trans} />
        <PipelineName model={panel.model} onChange={onChange} trans={this._trans} />
      </>
    );
  }

  private _onCellChanged(): void {
    const panel = this._tracker.currentWidget;
    const model = panel?.model ?? null;
    if (model !== this._model) {
      this._model?.contentChanged.disconnect(this._onContentChanged, this);
      this._model?.metadataChanged.disconnect(this._onContentChanged, this);
      model?.contentChanged.connect(this._onContentChanged, this);
      model?.metadataChanged.connect(this._onContentChanged, this);
      this._model = model;
    }
    if (panel) {
      this._sessions.of(panel).changed.connect(this._onContentChanged, this); // once, however often it is connected
    }
    this.update();
  }

  private _onContentChanged(): void {
    if (this.isVisible) {
      void this._debouncer.invoke();
    }
  }

  private _model: INotebookModel | null = null;
  private readonly _debouncer = new Debouncer(() => this.update(), DELAY);
}
