/** The schedules: their form as it is filled in and as it is refused, one of them with its history, and the whole page. */

import * as React from 'react';

import { Schedule, Schedules, ScheduleTimes } from '@kfnb/core/wire/api-types';
import { ScheduleDetails } from '../../lab/src/schedules/schedule-details';
import { ScheduleFields } from '../../lab/src/schedules/schedule-fields';
import { ScheduleForm, ScheduleFields as Fields } from '../../lab/src/schedules/schedule-form';
import { SchedulesPage } from '../../lab/src/schedules/schedules-page';
import { PARAMETERS, PATH, TARGETS } from './fixtures/notebook-fixtures';
import { BUSY, NEW, SCHEDULES } from './fixtures/schedule-fixtures';
import { Refusal, storyClient, storySessions } from './server';
import { ignore, narrow, pageStory, reactStory, Story, TRANS } from './story';

const TIMES: ScheduleTimes = {
  error: '',
  words: 'at 06:00 on Monday to Friday',
  zone: 'Europe/Berlin',
  next: ['Mon 1 Dec 2025 06:00', 'Tue 2 Dec 2025 06:00', 'Wed 3 Dec 2025 06:00', 'Thu 4 Dec 2025 06:00', 'Fri 5 Dec 2025 06:00'] // prettier-ignore
};
const UNREAD: ScheduleTimes = { error: 'hour: `25` is not between 0 and 23', words: '', zone: '', next: [] };
const REFUSED = new Refusal(
  'prod: https://kubeflow.example.org/pipeline does not answer. Start the VPN, or choose another target.'
);

/** The form with what was typed; it asks for the times and, where it is refused, has been sent. */
function formStory(key: string, times: ScheduleTimes, fields: Partial<Fields>, isSent: boolean): Story {
  const client = storyClient({ 'GET schedule-times': times, 'POST schedules': REFUSED });
  const View = () => {
    const [, redraw] = React.useReducer((count: number) => count + 1, 0);
    const [form] = React.useState(() => new ScheduleForm(client, { path: PATH, pipeline: 'sales' }, fields, redraw));
    React.useEffect(() => void form.readTimes().then(() => (isSent ? form.submit() : null)), [form]);
    return (
      <ScheduleFields
        form={form}
        notebook={PATH}
        parameters={PARAMETERS}
        targets={TARGETS.targets}
        onSubmit={ignore}
        onCancel={ignore}
        trans={TRANS}
      />
    );
  };
  return narrow(reactStory(key, 'kfnb-Schedules kfnb-Controls kfnb-Fields', () => <View />));
}

function detailsStory(schedule: Schedule): Story {
  return reactStory('.kfnb-Schedule', 'kfnb-Schedules kfnb-Controls kfnb-Fields', () => (
    <ScheduleDetails schedule={schedule} onAct={ignore} onDelete={ignore} onRun={ignore} trans={TRANS} />
  ));
}

function page(found: Schedules): Story {
  return pageStory(
    '.kfnb-Schedules-head + p + *',
    () => new SchedulesPage(storySessions(storyClient({ 'GET schedules': found })), ignore, TRANS)
  );
}

export const SCHEDULE_STORIES: Record<string, Story> = {
  'schedule-form': formStory('ol li', TIMES, { zone: 'Europe/Berlin', name: 'sales of the night' }, false),
  'schedule-form-refused': formStory(
    '.kfnb-ScheduleForm-error:not(:empty)',
    UNREAD,
    { cron: '0 25 * * *', target: 'prod' },
    true
  ),
  schedule: narrow(detailsStory(BUSY)),
  'schedule-new': narrow(detailsStory(NEW)),
  schedules: page(SCHEDULES),
  'no-schedules': narrow(page({ schedules: [], silent: {} }))
};
