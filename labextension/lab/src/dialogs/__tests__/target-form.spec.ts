import { describe, expect, it } from 'vitest';

import { ClusterChoice, ProbeLine, TargetProposal } from '@kfnb/core/wire/api-types';
import { TargetApi, TargetForm } from '../target-form';

const PROPOSAL: TargetProposal = {
  found: ['Argo Workflows: yes'],
  engines: ['argo'],
  name: 'cluster',
  settings: { engine: 'argo', namespace: 'team' },
  text: '[targets.cluster]\nengine = "argo"\nnamespace = "team"\n',
  state: 'ready',
  told: [],
  rbac: '',
  file: '/home/ada/.config/kfnb/kfnb.toml'
};

const PLACE = { context: 'here', namespace: 'team', repository: '', values: '' };

/** A server that keeps what it was asked, and answers when the test lets it. */
class Server implements TargetApi {
  asked: unknown[] = [];
  refusal: Error | null = null;
  gate: Promise<void> = Promise.resolve();
  contexts: Record<string, string> = { here: 'team', there: '' };

  clusters = () =>
    this.answer({ contexts: this.contexts, current: Object.keys(this.contexts)[0] ?? '', namespace: 'default' });
  propose = (choice: ClusterChoice) => this.answer(PROPOSAL, choice);
  addTarget = (choice: ClusterChoice, settings: object, replace: boolean) =>
    this.answer({ name: choice.name ?? '', file: PROPOSAL.file }, { ...choice, settings, replace });

  probe = async (choice: ClusterChoice, onLine: (line: ProbeLine) => void, signal: AbortSignal) => {
    this.asked.push(choice);
    onLine({ state: 'done', text: 'the cluster accepts the run', seconds: 1 });
    await new Promise<void>((_, refuse) => {
      signal.addEventListener('abort', () => refuse(new Error('aborted')));
      if (this.refusal) {
        refuse(this.refusal);
      }
    });
  };

  async answer<T>(answer: T, asked?: unknown): Promise<T> {
    if (asked) {
      this.asked.push(asked);
    }
    await this.gate;
    if (this.refusal) {
      throw this.refusal;
    }
    return answer;
  }
}

async function shown(server = new Server()): Promise<TargetForm> {
  const form = new TargetForm(server, () => undefined);
  await form.load();
  return form;
}

async function looked(server = new Server()): Promise<TargetForm> {
  const form = await shown(server);
  await form.look();
  return form;
}

describe('the choice of a cluster', () => {
  it('begins with the current context and its namespace', async () => {
    const form = await shown();
    expect([form.contexts, form.context, form.namespace]).toEqual([['here', 'there'], 'here', 'team']);
    form.setContext('there');
    expect(form.namespace).toBe('default');
  });

  it('is the cluster of the pod where there is no kubeconfig', async () => {
    const server = new Server();
    server.contexts = {};
    const form = await shown(server);
    expect([form.isInPod, form.namespace]).toEqual([true, 'default']);
  });

  it('forgets what was seen of another cluster', async () => {
    const form = await looked();
    expect(form.proposal).toEqual(PROPOSAL);
    form.setNamespace('other');
    expect([form.proposal, form.text]).toEqual([null, '']);
  });

  it('has where images and values go, and forgets what was seen for other places', async () => {
    const server = new Server();
    const form = await shown(server);
    form.setRepository(' registry.example.org/team/app ');
    form.setValues('s3://bucket/runs');
    await form.look();
    expect(server.asked).toEqual([
      { ...PLACE, repository: 'registry.example.org/team/app', values: 's3://bucket/runs' }
    ]);
    form.setValues('');
    expect(form.proposal).toBeNull();
  });

  it('drops an answer that is about another cluster', async () => {
    const server = new Server();
    const form = await shown(server);
    let open = () => {};
    server.gate = new Promise(resolve => (open = resolve));
    const asked = form.look();
    expect(form.task).toBe('look');
    form.setContext('there');
    open();
    await asked;
    expect([form.proposal, form.task]).toEqual([null, null]);
  });

  it('says why the cluster does not answer', async () => {
    const server = new Server();
    const form = await shown(server);
    server.refusal = new Error('the cluster does not answer');
    await form.look();
    expect([form.error, form.task, form.proposal]).toEqual(['the cluster does not answer', null, null]);
  });
});

describe('the target', () => {
  it('has the name that the user gives it, which a second look leaves', async () => {
    const form = await looked();
    expect([form.name, form.text]).toEqual(['cluster', PROPOSAL.text]);
    form.setName('team.a');
    expect(form.text.split('\n')[0]).toBe('[targets."team.a"]');
    await form.look('argo');
    expect(form.name).toBe('team.a');
  });

  it('for another engine takes the place of the one before it when it is there', async () => {
    const server = new Server();
    const form = await looked(server);
    let open = () => {};
    server.gate = new Promise(resolve => (open = resolve));
    const asked = form.look('kfp');
    expect([form.task, form.proposal]).toEqual(['look', PROPOSAL]);
    expect(await form.add()).toBeNull();
    open();
    await asked;
    expect(server.asked).toContainEqual({ ...PLACE, engine: 'kfp' });
  });

  it('is written as it was shown', async () => {
    const server = new Server();
    const form = await looked(server);
    form.setName('mine');
    expect(await form.add()).toEqual({ name: 'mine', file: PROPOSAL.file });
    const choice = { ...PLACE, engine: 'argo', name: 'mine' };
    expect(server.asked).toContainEqual({ ...choice, settings: PROPOSAL.settings, replace: false });
  });

  it('can replace another one of the user, and asks before', async () => {
    const server = new Server();
    const form = await looked(server);
    server.refusal = Object.assign(new Error('there is a target `cluster` already'), { status: 409 });
    expect(await form.add()).toBeNull();
    expect([form.isTaken, form.error]).toEqual([true, 'there is a target `cluster` already']);
    form.setName('other');
    expect([form.isTaken, form.error]).toEqual([false, '']);
    server.refusal = Object.assign(new Error('an administrator has it'), { status: 422 });
    await form.add();
    expect(form.isTaken).toBe(false);
  });
});

describe('the trial run', () => {
  it('shows its lines, and is ended by the user without an error', async () => {
    const form = await looked();
    const ended = form.probe();
    expect([form.task, form.lines.map(line => line.text)]).toEqual(['probe', ['the cluster accepts the run']]);
    form.stopProbe();
    await ended;
    expect([form.task, form.error, form.lines.length]).toEqual([null, '', 1]);
  });

  it('is ended when another cluster is selected', async () => {
    const form = await looked();
    const ended = form.probe();
    form.setContext('there');
    await ended;
    expect([form.task, form.lines]).toEqual([null, []]);
  });

  it('says why it was refused', async () => {
    const server = new Server();
    const form = await looked(server);
    server.refusal = new Error('a trial run is going on already');
    await form.probe();
    expect(form.error).toBe('a trial run is going on already');
  });
});
