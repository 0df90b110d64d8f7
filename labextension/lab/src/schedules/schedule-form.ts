/** What the user has typed into the form of a schedule, and what the server says of its times. It knows nothing of the page. */

import { errorText } from '@kfnb/core/format';
import { ParameterValues } from '@kfnb/core/parameters/parameter-values';
import { rulesOf } from '@kfnb/core/schedules/schedule-words';
import { Schedule, ScheduleRequest, ScheduleTimes } from '@kfnb/core/wire/api-types';

/** The usual expressions, in the order of the list that offers them. */
export const PRESETS = ['0 * * * *', '0 6 * * *', '0 6 * * 1-5', '0 6 * * 1', '0 6 1 * *'];

const DELAY = 250; // milliseconds without a change before the server is asked for the times

/** The part of the server's interface that the form needs. */
export interface ScheduleClient {
  scheduleTimes(cron: string, zone: string): Promise<ScheduleTimes>;
  addSchedule(request: ScheduleRequest): Promise<Schedule>;
}

/** The fields of the form; an empty text stands for the default. */
export interface ScheduleFields {
  name: string;
  cron: string;
  zone: string;
  target: string;
  experiment: string;
  catchUp: NonNullable<ScheduleRequest['catch_up']>;
  concurrency: NonNullable<ScheduleRequest['concurrency']>;
}

export class ScheduleForm {
  constructor(
    private readonly _client: ScheduleClient,
    private readonly _notebook: { path: string; pipeline: string | null },
    fields: Partial<ScheduleFields>,
    private readonly _onChange: () => void
  ) {
    this._fields = { ...this._fields, ...fields };
  }

  /** What was typed for the parameters; the others keep the values of the notebook. */
  readonly parameters = new ParameterValues();

  get fields(): Readonly<ScheduleFields> {
    return this._fields;
  }

  /** The times of the expression as it is; null while the server is asked, or when it is wrong. */
  get times(): ScheduleTimes | null {
    return this._times;
  }

  /** What is wrong with the expression or the time zone; empty when nothing is. */
  get timesError(): string {
    return this._timesError;
  }

  /** Why the server has refused the schedule; empty when it has not. */
  get error(): string {
    return this._error;
  }

  get isBusy(): boolean {
    return this._isBusy;
  }

  set(change: Partial<ScheduleFields>): void {
    this._fields = { ...this._fields, ...change };
    this._error = '';
    if (change.cron !== undefined || change.zone !== undefined) {
      clearTimeout(this._timer);
      this._timer = setTimeout(() => void this.readTimes(), DELAY);
    }
    this._onChange();
  }

  /** Selects a target. What its engine cannot do goes back to what every place can. */
  setTarget(target: string, engine: string): void {
    const { catchUp, concurrency } = this._fields;
    const possible = rulesOf(engine);
    this.set({
      target,
      ...(engine === 'local' ? {} : { zone: '' }),
      catchUp: possible.catchUp.includes(catchUp) ? catchUp : 'none',
      concurrency: possible.concurrency.includes(concurrency) ? concurrency : 'forbid'
    });
  }

  setParameter(name: string, text: string | null, fieldError: string | null): void {
    this.parameters.set(name, text, fieldError);
    this._error = '';
    this._onChange();
  }

  /** Asks for the times. An answer to an earlier question is dropped. */
  async readTimes(): Promise<void> {
    const question = ++this._question;
    const { cron, zone } = this._fields;
    let times: ScheduleTimes | null = null;
    let error: string;
    try {
      const answer = await this._client.scheduleTimes(cron, zone || (this._fields.target === 'local' ? '' : 'UTC'));
      error = answer.error;
      times = error ? null : answer;
    } catch (caught) {
      error = errorText(caught);
    }
    if (question === this._question) {
      this._times = times;
      this._timesError = error;
      this._onChange();
    }
  }

  /** Makes the schedule. Resolves to null when the server refuses it; `error` says why. */
  async submit(): Promise<Schedule | null> {
    if (this._isBusy) {
      return null;
    }
    this._error = this.parameters.invalidField() ?? '';
    if (this._error) {
      this._onChange();
      return null;
    }
    this._isBusy = true;
    this._onChange();
    try {
      return await this._client.addSchedule(this.request());
    } catch (error) {
      this._error = errorText(error);
      return null;
    } finally {
      this._isBusy = false;
      this._onChange();
    }
  }

  /** The schedule as the server takes it. */
  request(): ScheduleRequest {
    const { name, cron, zone, target, experiment, catchUp, concurrency } = this._fields;
    const optional = { name: name.trim(), zone: zone.trim(), experiment: experiment.trim() };
    return {
      path: this._notebook.path,
      ...(this._notebook.pipeline === null ? {} : { pipeline: this._notebook.pipeline }),
      cron: cron.trim(),
      target,
      catch_up: catchUp,
      concurrency,
      parameters: Object.fromEntries(this.parameters.values),
      ...Object.fromEntries(Object.entries(optional).filter(([, text]) => text !== ''))
    };
  }

  private _fields: ScheduleFields = {
    name: '',
    cron: PRESETS[2],
    zone: '',
    target: 'local',
    experiment: '',
    catchUp: 'none',
    concurrency: 'forbid'
  };
  private _times: ScheduleTimes | null = null;
  private _timesError = '';
  private _error = '';
  private _isBusy = false;
  private _question = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
