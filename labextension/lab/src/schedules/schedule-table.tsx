/** The list of the schedules of all places. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { whenWords } from '@kfnb/core/schedules/cron-words';
import { formatDue, outcome, placeName } from '@kfnb/core/schedules/schedule-words';
import { Schedule, Schedules } from '@kfnb/core/wire/api-types';

interface TableProps {
  found: Schedules;
  shown: Schedule | null;
  onShow: (schedule: Schedule) => void;
  trans: TranslationBundle;
}

export function ScheduleTable({ found, shown, onShow, trans }: TableProps): React.JSX.Element {
  const silent = Object.entries(found.silent);
  return (
    <>
      {found.schedules.length === 0 ? (
        <p>{trans.__('Nothing runs at set times yet. Open a notebook and press New Schedule.')}</p>
      ) : (
        <div className="kfnb-Schedules-table" role="region" aria-label={trans.__('All schedules')} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{trans.__('Name')}</th>
                <th scope="col">{trans.__('Where')}</th>
                <th scope="col">{trans.__('When')}</th>
                <th scope="col">{trans.__('Next')}</th>
                <th scope="col">{trans.__('Last')}</th>
                <th scope="col">{trans.__('Owner')}</th>
              </tr>
            </thead>
            <tbody>
              {found.schedules.map(schedule => (
                <Row
                  key={`${schedule.target}:${schedule.id}`}
                  schedule={schedule}
                  shown={shown?.id === schedule.id && shown.target === schedule.target}
                  onShow={onShow}
                  trans={trans}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {silent.length > 0 && (
        <ul className="kfnb-Schedules-silent">
          {silent.map(([target, why]) => (
            <li key={target}>{trans.__('%1 does not tell its schedules: %2', target, why)}</li>
          ))}
        </ul>
      )}
    </>
  );
}

interface RowProps {
  schedule: Schedule;
  shown: boolean;
  onShow: (schedule: Schedule) => void;
  trans: TranslationBundle;
}

function Row({ schedule, shown, onShow, trans }: RowProps): React.JSX.Element {
  const last = schedule.history[0];
  return (
    <tr className={shown ? 'kfnb-mod-shown' : ''}>
      <td>
        <button
          type="button"
          className="kfnb-Schedules-show"
          aria-pressed={shown}
          title={trans.__('Show the times and the history of this schedule')}
          onClick={() => onShow(schedule)}
        >
          {schedule.name}
        </button>
      </td>
      <td>{placeName(schedule.target, trans)}</td>
      <td title={schedule.cron}>
        {whenWords(schedule, trans, document.documentElement.lang)} {schedule.zone}
      </td>
      <td>{schedule.paused ? trans.__('paused') : schedule.next[0] && formatDue(schedule.next[0], schedule.zone)}</td>
      <td data-state={last?.state}>{last && outcome(last, trans)}</td>
      <td>{schedule.owner}</td>
    </tr>
  );
}
