/** The plugin with the commands and the menu that mark the active cell. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import { ICellModel } from '@jupyterlab/cells';
import { INotebookTracker, Notebook, NotebookActions } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator, TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { Menu } from '@lumino/widgets';

import { cellRole, isFlag, markValues } from './cell-marks';
import { CommandIDs } from '../common/command-ids';
import { pipelineIcon } from '../common/pipeline-icon';
import { newStepName, renameStep, setRole, setStep, setMark, contentOf } from './notebook-marks';
import { openMenu } from '../common/open-menu';
import { cellsOfStep, stepNames, stepOf, writtenValues } from './step-marks';

const ID = 'kfnb:marks';
const CACHE_ON = ['on', 'true', 'yes', 'enabled'];
const NAME_PATTERN = '[A-Za-z_][A-Za-z0-9_\\-]{0,62}';
const STRING_ARG = { type: 'string' as const };
const NO_ARGS = { args: { type: 'object' as const, properties: {} } };

export const marksPlugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Marks cells as steps, with conditions, loops and more, by menus.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ISettingRegistry, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('kfnb');
    const marks = new MarkCommands(app, tracker, trans);
    marks.register();
    const category = trans.__('Pipeline');
    for (const command of [
      CommandIDs.markMenu,
      CommandIDs.mark,
      CommandIDs.unmark,
      CommandIDs.rename,
      CommandIDs.split
    ]) {
      palette?.addItem({ command, category });
    }
    for (const args of marks.argsOfMarks()) {
      palette?.addItem({ command: CommandIDs.setMark, args, category });
    }
    for (const role of marks.roles()) {
      palette?.addItem({ command: CommandIDs.setRole, args: { role }, category });
    }
    void registry?.load(ID);
  }
};

/** How the menu shows a mark. */
interface MarkField {
  label: string;
  example: string;
  /** Whether the mark can have several values, which the user separates by commas. */
  multiple?: boolean;
}

class MarkCommands {
  constructor(
    private readonly _app: JupyterFrontEnd,
    private readonly _tracker: INotebookTracker,
    private readonly _trans: TranslationBundle
  ) {
    this._fields = {
      when: { label: _trans.__('Runs Only If'), example: 'accuracy > 0.9' },
      foreach: { label: _trans.__('Once for Each'), example: 'name in names' },
      retry: { label: _trans.__('Retries'), example: '3' },
      timeout: { label: _trans.__('Longest Time'), example: '30m' },
      image: { label: _trans.__('Image on a Cluster'), example: 'python:3.12' },
      file: { label: _trans.__('Files for a Cluster'), example: 'rows.csv, models/net.bin', multiple: true },
      exit: { label: _trans.__('At the End, Whatever Happened'), example: '' },
      shell: { label: _trans.__('Shell Script'), example: '' }
    };
    this._roles = {
      parameters: _trans.__('Parameters of the Pipeline'),
      metrics: _trans.__('Metrics'),
      imports: _trans.__('Imports for All Steps'),
      functions: _trans.__('Functions for All Steps'),
      skip: _trans.__('Not in the Pipeline')
    };
  }

  register(): void {
    this._registerSteps();
    this._registerMarks();
    this._add(CommandIDs.markMenu, {
      label: this._trans.__('Mark This Cell…'),
      caption: this._trans.__('What this cell is in the pipeline: a step, its condition or loop, parameters…'),
      icon: pipelineIcon,
      isEnabled: () => this._cell !== null,
      execute: () => this._openMenu()
    });
  }

  /** The arguments of the command that sets a mark, for each mark that has an entry of its own. */
  argsOfMarks(): { word: string; value?: string }[] {
    const words = Object.keys(this._fields).map(word => ({ word }));
    return [...words, { word: 'cache', value: 'on' }, { word: 'on-failure', value: 'continue' }];
  }

  /** What a cell can be other than a step. */
  roles(): string[] {
    return Object.keys(this._roles);
  }

  // ------------------------------------------------------------------ steps
  private _registerSteps(): void {
    const trans = this._trans;
    this._add(CommandIDs.mark, {
      label: trans.__('Make This Cell a Step'),
      icon: pipelineIcon,
      isEnabled: () => this._cell !== null && this._step === null,
      execute: () => this._change((notebook, cell) => this._makeStep(notebook, cell))
    });
    this._add(CommandIDs.unmark, {
      label: trans.__('No Step'),
      caption: trans.__('Take the mark off this cell'),
      isEnabled: () => this._step !== null,
      execute: () => this._change((notebook, cell) => setStep(notebook, cell, null))
    });
    this._add(CommandIDs.rename, {
      label: trans.__('Rename Step…'),
      caption: trans.__('In all cells of the step, and in those that run after it'),
      isEnabled: () => this._step !== null,
      execute: async () => {
        const [notebook, before] = [this._notebook, this._step];
        const { value } = await InputDialog.getText({
          title: trans.__('Name of the step'),
          text: before ?? '',
          pattern: NAME_PATTERN,
          required: true
        });
        if (notebook && before && value && value !== before) {
          renameStep(notebook, before, value);
        }
      }
    });
    this._add(CommandIDs.split, {
      label: trans.__('Split Here Into a New Step'),
      isEnabled: () => this._cell !== null,
      execute: () => {
        if (this._notebook) {
          NotebookActions.splitCell(this._notebook);
          this._change((notebook, cell) => this._makeStep(notebook, cell));
        }
      }
    });
  }

  private _makeStep(notebook: Notebook, cell: ICellModel): void {
    setStep(notebook, cell, newStepName(notebook, cell.sharedModel.getSource()));
  }

  // ------------------------------------------------------------------ other marks and roles
  private _registerMarks(): void {
    this._add(CommandIDs.setMark, {
      label: args => this._markLabel(args),
      isEnabled: () => this._step !== null,
      isToggled: args => this._isSet(args),
      describedBy: { args: { type: 'object', properties: { word: STRING_ARG, value: STRING_ARG } } },
      execute: args => this._setMark(asString(args.word), typeof args.value === 'string' ? args.value : null)
    });
    this._add(CommandIDs.setRole, {
      label: args => this._roles[asString(args.role)] ?? '',
      isEnabled: () => this._cell !== null,
      isToggled: args => this._cell !== null && cellRole(contentOf(this._cell)) === args.role,
      describedBy: { args: { type: 'object', properties: { role: STRING_ARG } } },
      execute: args =>
        this._change((notebook, cell) =>
          setRole(notebook, cell, cellRole(contentOf(cell)) === args.role ? null : asString(args.role))
        )
    });
  }

  private _markLabel(args: ReadonlyPartialJSONObject): string {
    const word = asString(args.word);
    if (typeof args.value === 'string') {
      const labels: Record<string, string> = {
        cache: this._trans.__('Keep Results'),
        'on-failure': this._trans.__('May Fail, the Run Goes On')
      };
      return labels[word] ?? args.value;
    }
    const now = this._markValues(word).join(', ');
    const label = this._fields[word]?.label ?? word;
    return isFlag(word) ? label : now ? `${label}: ${now}…` : `${label}…`;
  }

  private _isSet(args: ReadonlyPartialJSONObject): boolean {
    const values = this._markValues(asString(args.word));
    if (args.word === 'cache') {
      return values.some(value => CACHE_ON.includes(value.toLowerCase()));
    }
    return typeof args.value === 'string' ? values.includes(args.value) : values.length > 0;
  }

  private async _setMark(word: string, value: string | null): Promise<void> {
    const [notebook, cell] = [this._notebook, this._cellWithMark(word)];
    if (!notebook || !cell) {
      return;
    }
    const now = markValues(contentOf(cell), word);
    if (word === 'cache') {
      setMark(notebook, cell, word, this._isSet({ word }) ? [] : ['on']);
    } else if (word === 'on-failure') {
      setMark(notebook, cell, word, value !== null && !now.includes(value) ? [value] : []);
    } else if (isFlag(word)) {
      setMark(notebook, cell, word, now.length ? [] : ['']);
    } else if (value !== null) {
      setMark(notebook, cell, word, now.includes(value) ? now.filter(one => one !== value) : [...now, value]);
    } else {
      const { label, example, multiple } = this._fields[word];
      const answer = await InputDialog.getText({
        title: label,
        label: this._trans.__('Such as %1. Empty: not at all.', example),
        text: multiple ? now.join(', ') : (now[0] ?? '')
      });
      if (answer.button.accept) {
        const text = answer.value ?? '';
        const values = (multiple ? text.split(',') : [text]).map(value => value.trim()).filter(Boolean);
        setMark(notebook, cell, word, values);
      }
    }
  }

  // ------------------------------------------------------------------ the menu
  private _openMenu(): void {
    const active = this._notebook?.activeCell;
    if (!active) {
      return;
    }
    if (document.activeElement === document.body) {
      active.node.focus(); // the palette, from which the menu may be opened, is gone when the menu gives the focus back
    }
    const button = active.node.querySelector('[data-jp-item-name="kfnb-mark"]');
    const { left, bottom } = (button ?? active.node).getBoundingClientRect();
    const y = button && bottom > 0 ? bottom : active.node.getBoundingClientRect().top;
    openMenu(this._app.commands, menu => this._fillMenu(menu), left, y);
  }

  private _fillMenu(menu: Menu): void {
    if (this._step === null) {
      menu.addItem({ command: CommandIDs.mark });
    } else {
      menu.addItem({ command: CommandIDs.rename });
      ['when', 'foreach'].forEach(word => menu.addItem({ command: CommandIDs.setMark, args: { word } }));
      const afterMenu = this._afterMenu();
      if (afterMenu.items.length) {
        menu.addItem({ type: 'submenu', submenu: afterMenu });
      }
      const more = ['exit', 'shell', 'retry', 'timeout', 'image', 'file'];
      more.forEach(word => menu.addItem({ command: CommandIDs.setMark, args: { word } }));
      menu.addItem({ command: CommandIDs.setMark, args: { word: 'cache', value: 'on' } });
      menu.addItem({ command: CommandIDs.setMark, args: { word: 'on-failure', value: 'continue' } });
      menu.addItem({ command: CommandIDs.unmark });
    }
    menu.addItem({ type: 'separator' });
    Object.keys(this._roles).forEach(role => menu.addItem({ command: CommandIDs.setRole, args: { role } }));
    menu.addItem({ type: 'separator' });
    menu.addItem({ command: CommandIDs.split });
    if (this._app.commands.hasCommand(CommandIDs.markForm)) {
      menu.addItem({ command: CommandIDs.markForm });
    }
  }

  /** The menu of the steps that the active one can run after. */
  private _afterMenu(): Menu {
    const menu = new Menu({ commands: this._app.commands });
    menu.title.label = this._trans.__('Runs After');
    for (const name of this._notebook ? stepNames(this._notebook) : []) {
      if (name !== this._step) {
        menu.addItem({ command: CommandIDs.setMark, args: { word: 'after', value: name } });
      }
    }
    return menu;
  }

  // ------------------------------------------------------------------ helpers
  private _add(id: string, options: CommandRegistry.ICommandOptions): void {
    this._app.commands.addCommand(id, { describedBy: NO_ARGS, ...options });
  }

  private _change(change: (notebook: Notebook, cell: ICellModel) => void): void {
    if (this._notebook && this._cell) {
      change(this._notebook, this._cell);
      this._app.commands.notifyCommandChanged();
    }
  }

  private get _notebook(): Notebook | null {
    return this._tracker.currentWidget?.content ?? null;
  }

  /** The active cell if it is a code cell. */
  private get _cell(): ICellModel | null {
    const model = this._tracker.activeCell?.model;
    return model?.type === 'code' ? model : null;
  }

  /** The cell of the active step that carries a mark; the active cell if none does. */
  private _cellWithMark(word: string): ICellModel | null {
    const [notebook, active] = [this._notebook, this._cell];
    if (!notebook || !active || markValues(contentOf(active), word).length > 0) {
      return active;
    }
    return writtenValues(cellsOfStep(notebook, active), word)[0]?.model ?? active;
  }

  private _markValues(word: string): string[] {
    const cell = this._cellWithMark(word);
    return cell ? markValues(contentOf(cell), word) : [];
  }

  private get _step(): string | null {
    return this._cell ? stepOf(this._cell) : null;
  }

  private readonly _fields: Record<string, MarkField>;
  private readonly _roles: Record<string, string>;
}

function asString(argument: unknown): string {
  return typeof argument === 'string' ? argument : '';
}
