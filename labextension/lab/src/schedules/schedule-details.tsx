/** One schedule: its rules, its next times, what became of the earlier ones, and what can be done with it. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { whenWords } from '@kfnb/core/schedules/cron-words';
import {
  catchUpWords,
  concurrencyWords,
  formatDue,
  missedTitle,
  outcome,
  placeName
} from '@kfnb/core/schedules/schedule-words';
import { Schedule, ScheduleFiring } from '@kfnb/core/wire/api-types';

interface DetailsProps {
  schedule: Schedule;
  onAct: (schedule: Schedule, action: 'pause' | 'resume' | 'run') => void;
  onDelete: (schedule: Schedule) => void;
  /** Opens the page of a run. */
  onRun: (run: string) => void;
  trans: TranslationBundle;
}

export function ScheduleDetails(props: DetailsProps): React.JSX.Element {
  const { schedule, onAct, onDelete, trans } = props;
  return (
    <section className="kfnb-Schedule" aria-label={trans.__('Schedule %1', schedule.name)}>
      <h2>{schedule.name}</h2>
      <div className="kfnb-Schedules-buttons">
        <button
          type="button"
          className="jp-mod-styled"
          onClick={() => onAct(schedule, schedule.paused ? 'resume' : 'pause')}
        >
          {schedule.paused ? trans.__('Resume') : trans.__('Pause')}
        </button>
        <button type="button" className="jp-mod-styled" onClick={() => onAct(schedule, 'run')}>
          {trans.__('Run Now')}
        </button>
        <button type="button" className="jp-mod-styled jp-mod-warn" onClick={() => onDelete(schedule)}>
          {trans.__('Delete…')}
        </button>
      </div>
      <Rules {...props} />
      {schedule.next.length > 0 && (
        <>
          <h3>{trans.__('Next times')}</h3>
          <ol>
            {schedule.next.map(time => (
              <li key={time}>{formatDue(time, schedule.zone)}</li>
            ))}
          </ol>
        </>
      )}
      <h3>{trans.__('History')}</h3>
      <History {...props} />
    </section>
  );
}

function Rules({ schedule, trans }: DetailsProps): React.JSX.Element {
  const parameters = Object.entries(schedule.parameters).map(([name, value]) => `${name} = ${String(value)}`);
  const rows: [string, string][] = [
    [trans.__('State'), schedule.paused ? trans.__('paused') : trans.__('active')],
    [
      trans.__('When'),
      `${whenWords(schedule, trans, document.documentElement.lang)} ${schedule.zone} (${schedule.cron})`
    ],
    [trans.__('Where'), placeName(schedule.target, trans)],
    [trans.__('Notebook'), schedule.notebook],
    [trans.__('Parameters'), parameters.join(', ')],
    [trans.__('Experiment'), schedule.experiment ?? ''],
    [missedTitle(schedule.target, trans), catchUpWords(trans)[schedule.catch_up]],
    [trans.__('While a run goes on'), concurrencyWords(trans)[schedule.concurrency]],
    [trans.__('Owner'), schedule.owner]
  ];
  return (
    <dl>
      {rows
        .filter(([, text]) => text !== '')
        .map(([label, text]) => (
          <React.Fragment key={label}>
            <dt>{label}</dt>
            <dd>{text}</dd>
          </React.Fragment>
        ))}
    </dl>
  );
}

function History({ schedule, onRun, trans }: DetailsProps): React.JSX.Element {
  if (schedule.history.length === 0) {
    return <p>{trans.__('It has not been due yet.')}</p>;
  }
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{trans.__('Due')}</th>
          <th scope="col">{trans.__('Outcome')}</th>
          <th scope="col">{trans.__('Run')}</th>
        </tr>
      </thead>
      <tbody>
        {schedule.history.map((firing, number) => (
          <tr key={number}>
            <td>{formatDue(firing.due, schedule.zone)}</td>
            <td data-state={firing.state}>{outcome(firing, trans)}</td>
            <td>
              <RunName firing={firing} onRun={schedule.target === 'local' ? onRun : null} trans={trans} />
              {firing.message}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface RunNameProps {
  firing: ScheduleFiring;
  onRun: ((run: string) => void) | null;
  trans: TranslationBundle;
}

/** The run of a time; one in the record of runs has a page. */
function RunName({ firing, onRun, trans }: RunNameProps): React.JSX.Element | null {
  const run = firing.run;
  if (run === null || onRun === null) {
    return run === null ? null : <span>{run} </span>;
  }
  return (
    <button
      type="button"
      className="kfnb-Schedules-show"
      title={trans.__('Open the page of this run')}
      onClick={() => onRun(run)}
    >
      {run}
    </button>
  );
}
