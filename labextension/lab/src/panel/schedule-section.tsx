/** The section of the side bar with the schedules of the notebook. All places are asked for them when it is unfolded, and when one was changed here. */

import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { errorText } from '@kfnb/core/format';
import { whenWords } from '@kfnb/core/schedules/cron-words';
import { formatDue, placeName } from '@kfnb/core/schedules/schedule-words';
import { Schedule } from '@kfnb/core/wire/api-types';
import { CommandIDs } from '../common/command-ids';
import { NotebookSession } from '../session/notebook-session';

interface ScheduleProps {
  session: NotebookSession;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

export function ScheduleSection({ session, commands, trans }: ScheduleProps): React.JSX.Element | null {
  const [schedules, setSchedules] = React.useState<Schedule[] | null>(null);
  const [trouble, setTrouble] = React.useState('');
  const [open, setOpen] = React.useState(false);
  React.useEffect(() => {
    const { client } = session;
    const read = async () => {
      try {
        const found = await client.schedules(session.path);
        setSchedules(found.schedules.filter(schedule => isOf(schedule, session.path)));
        setTrouble('');
      } catch (error) {
        setTrouble(errorText(error));
      }
    };
    const readAgain = () => void read();
    if (open) {
      readAgain();
      client.schedulesChanged.connect(readAgain);
    }
    return () => void client.schedulesChanged.disconnect(readAgain);
  }, [open, session]);
  if (!commands.hasCommand(CommandIDs.addSchedule)) {
    return null;
  }
  return (
    <details className="kfnb-Section" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{trans.__('Schedules')}</summary>
      {trouble && <p role="alert">{trouble}</p>}
      {schedules && <ScheduleList schedules={schedules} trans={trans} />}
      <button type="button" className="jp-mod-styled" onClick={() => void commands.execute(CommandIDs.addSchedule)}>
        {trans.__('New Schedule…')}
      </button>
      <button type="button" className="kfnb-Runs-all" onClick={() => void commands.execute(CommandIDs.schedules)}>
        {trans.__('All schedules')}
      </button>
    </details>
  );
}

function ScheduleList({ schedules, trans }: { schedules: Schedule[]; trans: TranslationBundle }): React.JSX.Element {
  if (schedules.length === 0) {
    return <p className="kfnb-Panel-hint">{trans.__('This notebook does not run at set times.')}</p>;
  }
  return (
    <ul className="kfnb-Panel-schedules">
      {schedules.map(schedule => (
        <li key={`${schedule.target}:${schedule.id}`}>
          <b>{schedule.name}</b>, {placeName(schedule.target, trans)}
          {schedule.owner && trans.__(', of %1', schedule.owner)}
          <br />
          {whenWords(schedule, trans, document.documentElement.lang)} {schedule.zone}
          <br />
          {schedule.paused
            ? trans.__('paused')
            : schedule.next[0] && trans.__('next: %1', formatDue(schedule.next[0], schedule.zone))}
        </li>
      ))}
    </ul>
  );
}

/** Whether a schedule runs the notebook at a path of the file browser. A cluster knows the name only. */
function isOf(schedule: Schedule, path: string): boolean {
  const [file, name] = [`/${schedule.notebook.replace(/\\/g, '/')}`, path.split('/').pop()];
  return file.endsWith(`/${schedule.target === 'local' ? path : name}`);
}
