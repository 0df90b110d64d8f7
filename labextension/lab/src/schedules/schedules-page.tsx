/** The page of schedules in the main area: those of all places, one of them with its history, and the form that makes one. */

import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { errorText } from '@kfnb/core/format';
import { Schedule, Schedules } from '@kfnb/core/wire/api-types';
import { pipelineIcon } from '../common/pipeline-icon';
import { NotebookSession } from '../session/notebook-session';
import { ISessions } from '../session/sessions-plugin';
import { ScheduleDetails } from './schedule-details';
import { ScheduleFields } from './schedule-fields';
import { ScheduleForm } from './schedule-form';
import { ScheduleTable } from './schedule-table';

const READ_EVERY = 30_000; // milliseconds between two looks while the page is visible: each asks all clusters

export class SchedulesPage extends ReactWidget {
  constructor(
    private readonly _sessions: ISessions,
    private readonly _openRun: (run: string) => void,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.id = 'kfnb-schedules';
    this.addClass('kfnb-Schedules');
    this.addClass('kfnb-Controls');
    this.addClass('kfnb-Fields');
    this.node.tabIndex = -1;
    this.title.label = _trans.__('Schedules');
    this.title.icon = pipelineIcon;
    this.title.closable = true;
  }

  /** Opens the form for a notebook. */
  startForm(session: NotebookSession): void {
    this._session = session;
    const notebook = { path: session.path, pipeline: session.selectedPipeline };
    const target = session.targets.current;
    const zone = target === 'local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : '';
    this._form = new ScheduleForm(session.client, notebook, { target, zone }, () => this.update());
    for (const [name, text] of session.parameters.values) {
      this._form.parameters.set(name, text, null);
    }
    this._focusForm = true;
    void this._form.readTimes();
    this.update();
  }

  /** Asks all places again. */
  async read(): Promise<void> {
    try {
      this._found = await this._sessions.client.schedules(this._path);
      this._error = '';
    } catch (error) {
      this._error = errorText(error);
    }
    const shown = this._shown;
    if (shown && this._found?.schedules.some(one => isSame(one, shown))) {
      await this._do(client => client.schedule(shown.target, shown.id, this._path));
    } else {
      this._shown = null;
    }
    this.update();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.read();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    void this.read();
    this._timer = window.setInterval(() => this.isVisible && void this.read(), READ_EVERY);
  }

  protected onBeforeDetach(message: Message): void {
    window.clearInterval(this._timer);
    super.onBeforeDetach(message);
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.node.focus();
  }

  protected onUpdateRequest(message: Message): void {
    super.onUpdateRequest(message);
    if (this._focusForm) {
      void this.renderPromise?.then(() => this.node.querySelector<HTMLElement>('.kfnb-ScheduleForm select')?.focus());
      this._focusForm = false;
    }
  }

  protected render(): React.JSX.Element {
    const trans = this._trans;
    const current = this._sessions.current;
    return (
      <>
        <div className="kfnb-Schedules-head">
          <h1>{trans.__('Schedules')}</h1>
          <button
            type="button"
            className="jp-mod-styled jp-mod-accept"
            aria-disabled={current === null}
            title={current ? trans.__('Run %1 at set times', current.path) : trans.__('Open the notebook first')}
            onClick={() => current && this.startForm(current)}
          >
            {trans.__('New Schedule…')}
          </button>
          <button type="button" className="jp-mod-styled" onClick={() => void this.read()}>
            {trans.__('Refresh')}
          </button>
        </div>
        <p className="kfnb-ScheduleForm-error" role="alert">
          {this._error}
        </p>
        {this._form && this._session && (
          <ScheduleFields
            form={this._form}
            notebook={this._session.path}
            parameters={this._session.compiled.lastValid?.parameters ?? []}
            targets={this._session.targets.all}
            onSubmit={() => void this._submit()}
            onCancel={() => this._closeForm()}
            trans={trans}
          />
        )}
        {this._found && (
          <ScheduleTable
            found={this._found}
            shown={this._shown}
            onShow={schedule => void this._do(client => client.schedule(schedule.target, schedule.id, this._path))}
            trans={trans}
          />
        )}
        {this._shown && (
          <ScheduleDetails
            schedule={this._shown}
            onAct={(schedule, action) => void this._act(schedule, action)}
            onDelete={schedule => void this._delete(schedule)}
            onRun={this._openRun}
            trans={trans}
          />
        )}
      </>
    );
  }

  /** The notebook whose targets are asked. */
  private get _path(): string {
    return (this._session ?? this._sessions.current)?.path ?? '';
  }

  /** Shows the schedule that the server answers with, or its error. */
  private async _do(request: (client: ISessions['client']) => Promise<Schedule>): Promise<void> {
    try {
      this._shown = await request(this._sessions.client);
      this._error = '';
    } catch (error) {
      this._error = errorText(error);
    }
    this.update();
  }

  private async _submit(): Promise<void> {
    const form = this._form;
    const session = this._session;
    if (!form || !session || form.timesError) {
      return;
    }
    if (session.panel.context.model.dirty) {
      await session.panel.context.save();
    }
    const made = await form.submit();
    if (made) {
      this._shown = made;
      this._closeForm();
      await this.read();
    }
  }

  private _closeForm(): void {
    this._form = null;
    this.update();
    this.node.focus();
  }

  private async _act(schedule: Schedule, action: 'pause' | 'resume' | 'run'): Promise<void> {
    await this._do(client => client.actOnSchedule(schedule.target, schedule.id, action, this._path));
    await this.read();
  }

  private async _delete(schedule: Schedule): Promise<void> {
    const trans = this._trans;
    const { button } = await showDialog({
      title: trans.__('Delete the schedule %1?', schedule.name),
      body: schedule.owner
        ? trans.__('%1 made it. Nothing starts any more; the runs that it made stay.', schedule.owner)
        : trans.__('Nothing starts any more; the runs that it made stay.'),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Delete') })]
    });
    if (button.accept) {
      try {
        await this._sessions.client.deleteSchedule(schedule.target, schedule.id, this._path);
      } catch (error) {
        this._error = errorText(error);
        this.update();
        return;
      }
      await this.read();
      this.node.focus();
    }
  }

  private _found: Schedules | null = null;
  private _shown: Schedule | null = null;
  private _form: ScheduleForm | null = null;
  private _session: NotebookSession | null = null;
  private _focusForm = false;
  private _error = '';
  private _timer = 0;
}

function isSame(one: Schedule, other: Schedule): boolean {
  return one.target === other.target && one.id === other.id;
}
