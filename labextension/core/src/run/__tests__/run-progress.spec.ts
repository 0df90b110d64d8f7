import { describe, expect, it } from 'vitest';

import { applyMessage, blockedSteps, clusterReason, isActive, progressByStep } from '../run-progress';
import { State } from '../../states';
import { StreamMessage, Snapshot, StepRun } from '../../wire/api-types';

const ID = '20260101-000000-abcd';

function step(path: string, state: State, more: Partial<StepRun> = {}): StepRun {
  return {
    path,
    step: path.split('[')[0],
    state,
    started: null,
    finished: null,
    attempts: null,
    reason: null,
    error: null,
    ...more
  };
}

function snapshot(steps: StepRun[], seq = 3): Snapshot {
  return {
    run: {
      run: ID,
      pipeline: 'p',
      engine: 'local',
      state: 'running',
      parameters: {},
      name: null,
      delivery: null,
      experiment: null,
      notebook: null,
      created: 0,
      started: 0,
      finished: null,
      error: null,
      notebook_id: null,
      target: 'local',
      tags: [],
      note: ''
    },
    steps,
    metrics: {},
    cell_lines: null,
    seq
  };
}

const news = (seq: number, data: Partial<StepRun> & { path: string; step: string }): StreamMessage => ({
  type: 'step',
  id: ID,
  seq,
  time: 0,
  data
});

describe('a run after a message', () => {
  it('has the step that came, and keeps what the message does not say', () => {
    const before = snapshot([step('a', 'running', { started: 5 })]);
    const after = applyMessage(before, news(4, { path: 'a', step: 'a', state: 'succeeded', finished: 7 }));
    expect(after?.steps).toEqual([step('a', 'succeeded', { started: 5, finished: 7 })]);
    expect(before.steps[0].state).toBe('running');
  });

  it('has iterations that it did not know', () => {
    const after = applyMessage(snapshot([]), news(4, { path: 'a[1]', step: 'a', state: 'running' }));
    expect(after?.steps.map(found => found.path)).toEqual(['a[1]']);
  });

  it('is the same when the message is old, or another run’s', () => {
    const before = snapshot([step('a', 'succeeded')]);
    expect(applyMessage(before, news(3, { path: 'a', step: 'a', state: 'running' }))).toBe(before);
    expect(applyMessage(before, { ...news(9, { path: 'a', step: 'a' }), id: 'other' })).toBe(before);
    expect(applyMessage(null, news(9, { path: 'a', step: 'a' }))).toBeNull();
  });

  it('is replaced by a snapshot', () => {
    const after = applyMessage(snapshot([step('a', 'failed')]), { type: 'snapshot', id: ID, ...snapshot([], 9) });
    expect(after).toEqual(snapshot([], 9));
  });

  it('is active until its state is final', () => {
    const ended = applyMessage(snapshot([]), { type: 'run', id: ID, seq: 4, time: 0, data: { state: 'failed' } });
    expect([isActive(snapshot([])), isActive(ended), isActive(null)]).toEqual([true, false, false]);
  });
});

describe('where a step stands', () => {
  it('is decided by the iteration that matters most', () => {
    const found = progressByStep(
      snapshot([
        step('a[0]', 'succeeded', { started: 1, finished: 2, attempts: 1 }),
        step('a[1]', 'failed', { started: 1.5, finished: 4, attempts: 2, reason: 'why' }),
        step('a[2]', 'pending')
      ])
    ).get('a');
    expect(found).toMatchObject({
      state: 'failed',
      path: 'a[1]',
      iterations: 3,
      endedIterations: 1,
      started: 1,
      finished: null
    });
    expect(found).toMatchObject({ attempts: 2, reason: 'why' });
  });

  it('does not count the iterations that took another branch', () => {
    const states = ['succeeded', 'skipped', 'cached', 'skipped'] as const;
    const found = progressByStep(snapshot(states.map((state, at) => step(`a[${at}]`, state)))).get('a');
    expect(found).toMatchObject({ state: 'succeeded', iterations: 4, endedIterations: 2 });
  });

  it('has no iterations when it runs once', () => {
    expect(progressByStep(snapshot([step('a', 'succeeded', { finished: 3 })])).get('a')).toMatchObject({
      iterations: 0,
      finished: 3
    });
  });
});

describe('what a step on a cluster waits for', () => {
  const of = (one: StepRun) => clusterReason(progressByStep(snapshot([one])).get(one.step)!);

  it('is said while it waits, and when its pod is the reason that it failed', () => {
    expect(of(step('a', 'pending', { reason: 'the image does not exist' }))).toBe('the image does not exist');
    expect(of(step('a', 'running', { reason: 'its node does not answer' }))).toBe('its node does not answer');
    expect(of(step('a', 'skipped', { reason: 'its condition was false' }))).toBe('');
    const error = { kind: 'died', type: 'Pod', message: 'no memory' };
    expect(of(step('a', 'failed', { reason: 'Pod: no memory', error }))).toBe('Pod: no memory');
    expect(of(step('a', 'failed', { reason: 'ValueError', error: { ...error, kind: 'exception' } }))).toBe('');
  });

  it('is part of what is said of the run only if something is in the way', () => {
    const steps = [
      step('a', 'pending', { reason: 'starting: its pod is being made' }),
      step('b', 'pending', { reason: 'no node has 2 free gpus' }),
      step('c', 'pending')
    ];
    expect(blockedSteps(snapshot(steps))).toEqual(['b: no node has 2 free gpus']);
  });
});
