import { describe, expect, it } from 'vitest';

import { Schedule, ScheduleRequest, ScheduleTimes } from '@kfnb/core/wire/api-types';
import { ScheduleForm } from '../schedule-form';

const TIMES: ScheduleTimes = { words: 'At 06:00 every day', zone: 'UTC', next: ['2026-11-30 06:00 UTC'], error: '' };
const NOTEBOOK = { path: 'nightly.ipynb', pipeline: null };

describe('the form of a schedule', () => {
  it('sends what was typed, and leaves defaults to the server', async () => {
    const sent: ScheduleRequest[] = [];
    const client = {
      scheduleTimes: () => Promise.resolve(TIMES),
      addSchedule: (request: ScheduleRequest) => {
        sent.push(request);
        return Promise.resolve({} as Schedule);
      }
    };
    const form = new ScheduleForm(client, NOTEBOOK, { target: 'prod' }, () => undefined);
    form.set({ cron: ' 0 6 * * * ', catchUp: 'last' });
    form.setParameter('a', '7', null);
    form.setParameter('b', '1', null);
    form.setParameter('b', null, null);
    expect(await form.submit()).not.toBeNull();
    expect(sent).toEqual([
      {
        path: 'nightly.ipynb',
        cron: '0 6 * * *',
        target: 'prod',
        catch_up: 'last',
        concurrency: 'forbid',
        parameters: { a: '7' }
      }
    ]);
  });

  it('keeps only the rules that the engine of a target has', () => {
    const client = {
      scheduleTimes: () => Promise.resolve(TIMES),
      addSchedule: () => Promise.resolve({} as Schedule)
    };
    const form = new ScheduleForm(client, NOTEBOOK, {}, () => undefined);
    form.set({ catchUp: 'all', concurrency: 'replace', zone: 'Europe/Berlin' });
    form.setTarget('prod', 'argo');
    expect(form.fields).toMatchObject({ catchUp: 'none', concurrency: 'replace', zone: '' });
    form.set({ catchUp: 'last' });
    form.setTarget('flows', 'kfp');
    expect(form.fields).toMatchObject({ target: 'flows', catchUp: 'none', concurrency: 'forbid' });
  });

  it('drops the answer to an earlier question', async () => {
    const answers: ((times: ScheduleTimes) => void)[] = [];
    const client = {
      scheduleTimes: () => new Promise<ScheduleTimes>(resolve => answers.push(resolve)),
      addSchedule: () => Promise.resolve({} as Schedule)
    };
    const form = new ScheduleForm(client, NOTEBOOK, {}, () => undefined);
    const asked = [form.readTimes(), form.readTimes()];
    answers[1]({ ...TIMES, words: 'the second' });
    answers[0]({ ...TIMES, words: 'the first' });
    await Promise.all(asked);
    expect(form.times?.words).toBe('the second');
  });

  it('does not send what is no value', async () => {
    const addSchedule = () => Promise.reject(new Error('it was sent'));
    const form = new ScheduleForm(
      { scheduleTimes: () => Promise.resolve(TIMES), addSchedule },
      NOTEBOOK,
      {},
      () => undefined
    );
    form.setParameter('a', null, 'this is no number or date');
    expect([await form.submit(), form.error]).toEqual([null, 'a: this is no number or date']);
    form.setParameter('a', '3', null);
    expect([form.error, form.request().parameters]).toEqual(['', { a: '3' }]);
  });

  it('says why the server refuses the times or the schedule', async () => {
    const refuse = () => Promise.reject(new Error('its minute cannot be read'));
    const wrong = { words: '', zone: '', next: [], error: 'its minute cannot be read' };
    const client = { scheduleTimes: () => Promise.resolve(wrong), addSchedule: refuse };
    const form = new ScheduleForm(client, NOTEBOOK, {}, () => undefined);
    await form.readTimes();
    expect([form.times, form.timesError]).toEqual([null, 'its minute cannot be read']);
    expect([await form.submit(), form.error, form.isBusy]).toEqual([null, 'its minute cannot be read', false]);
  });
});
