/** The dialogs: what would be sent, what is deleted, trusted, reused, divided into steps, compared, and added as a target. */

import { CommandRegistry } from '@lumino/commands';

import { Problem, TargetProposal, TrustProposal } from '@kfnb/core/wire/api-types';
import { askRunLabels } from '../../lab/src/all-runs/run-labels-dialog';
import { CommandIDs } from '../../lab/src/common/command-ids';
import { chooseRuns } from '../../lab/src/comparison/choose-runs-dialog';
import { addTarget } from '../../lab/src/dialogs/add-target-dialog';
import { startRun } from '../../lab/src/dialogs/other-parameters-dialog';
import { confirmTrust } from '../../lab/src/dialogs/trust-dialog';
import { askForRun } from '../../lab/src/submit/submit-dialog';
import { chooseDivision } from '../../lab/src/unmarked/division-dialog';
import { EXPLANATION, notebookSession, PATH, PROBLEM, SUBMISSION, TARGETS } from './fixtures/notebook-fixtures';
import { ONE_OF_EACH_STATE, SWEEP } from './fixtures/run-fixtures';
import { Answers, Refusal, storyClient, storySessions } from './server';
import { dialogStory, drawn, ignore, narrow, Story, TRANS } from './story';

const NOTEBOOK: Answers = { 'POST compile': EXPLANATION, 'GET targets': TARGETS, 'GET runs': { runs: [] } };
const REMEMBERED = { experiment: 'learning rates of January', cache: true, parameters: { epochs: '40' } };

/** The form that starts a run, with all of it unfolded. */
async function openSubmit(submission: unknown, target: string): Promise<void> {
  const commands = new CommandRegistry();
  commands.addCommand(CommandIDs.addTarget, { execute: ignore });
  const session = await notebookSession(storyClient({ ...NOTEBOOK, 'POST submission': submission }), target);
  void askForRun(session, REMEMBERED, commands, TRANS);
  const health = await drawn(document, '.kfnb-Submit-health[data-state]:not([data-state=""])');
  document.querySelectorAll('.kfnb-Submit details').forEach(details => details.setAttribute('open', ''));
  health.closest('.kfnb-Submit')!.scrollTop = 0;
}

const REUSED: Problem[] = ['learning_rate of step train: 0.01, and now 0.1', 'path of step load-sales: sales.parquet, and now s3://a-bucket-with-a-long-name/sales/2026/january.parquet'].map(
  message => ({ ...PROBLEM, code: 'KF512', message })
); // prettier-ignore

const TRUST: TrustProposal[] = [
  {
    path: 'forecasts/kfnb.toml',
    fingerprint: 'a1',
    trusted: false,
    asks: [
      { target: 'lab', setting: 'host', value: '', text: 'sends pipelines to https://argo.example.org:2746' },
      { target: 'lab', setting: 'token', value: '', text: 'uses the token in the file ~/.config/argo/token' },
      { target: 'staging', setting: 'repository', value: '', text: 'pushes images to registry.example.org/team/app/with/a/long/path' }
    ] // prettier-ignore
  }
];

const PROPOSAL: TargetProposal = {
  found: ['Argo Workflows v3.6.2 in namespace argo', 'an artifact repository: s3://artifacts', 'no Kubeflow Pipelines'],
  engines: ['argo'],
  name: 'lab',
  settings: { engine: 'argo' },
  text: '[targets.lab]\nengine = "argo"\nnamespace = "forecasts"\nservice-account = "pipelines"\n',
  state: 'forbidden',
  told: ['you may not create workflows in the namespace forecasts: an administrator can apply the roles below'],
  rbac: 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: kfnb\n  namespace: forecasts\n',
  file: '~/.config/kfnb/kfnb.toml'
};

export const DIALOG_STORIES: Record<string, Story> = {
  submit: narrow(dialogStory('.kfnb-Submit-table', () => openSubmit(SUBMISSION, 'prod'))),
  'submit-refused': dialogStory('.kfnb-Submit-problems [data-severity="error"]', () =>
    openSubmit({ ...SUBMISSION, state: 'unreachable', told: ['https://kubeflow.example.org/pipeline does not answer: connection refused', 'Start the VPN, or choose another target.'], problems: [PROBLEM], manifest: '' }, 'prod')), // prettier-ignore
  'reuse-values': dialogStory('.jp-mod-warn', async () => {
    const answers = { ...NOTEBOOK, 'POST runs': new Refusal('other parameters', REUSED) };
    void startRun(await notebookSession(storyClient(answers), 'local'), { start: 'train' }, TRANS);
  }),
  trust: dialogStory('.kfnb-Trust-file', () =>
    confirmTrust(storyClient({ 'GET trust': { files: TRUST } }), PATH, TRANS)
  ),
  'add-target': dialogStory('.kfnb-Target-told', async () => {
    const clusters = { contexts: { 'gke_forecasts_europe-west1': 'forecasts', minikube: 'default' }, current: 'minikube', namespace: '' }; // prettier-ignore
    void addTarget(storyClient({ 'GET clusters': clusters, 'POST targets/proposal': PROPOSAL }), TRANS);
    (await drawn<HTMLButtonElement>(document, '.kfnb-Target [type="submit"]:not([aria-disabled="true"])')).click();
  }),
  'make-pipeline': dialogStory('.kfnb-Unmarked .kfnb-Dag-box', async () =>
    chooseDivision(await notebookSession(storyClient(NOTEBOOK), 'local'), TRANS)
  ),
  'choose-runs': dialogStory('.kfnb-ChooseRuns li', () =>
    chooseRuns(storySessions(storyClient({ 'GET runs': { runs: [...ONE_OF_EACH_STATE, ...SWEEP] } })), TRANS)
  ),
  'run-labels': dialogStory('.kfnb-RunLabels', () => askRunLabels({ ...ONE_OF_EACH_STATE[1], tags: ['baseline', 'January'] }, TRANS)) // prettier-ignore
};
