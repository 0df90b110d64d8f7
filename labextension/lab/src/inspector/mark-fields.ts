/** The words of the form for each mark, and the groups in which the form shows them. */

import { TranslationBundle } from '@jupyterlab/translation';

import { MarkWord } from '../marks/mark-table';

/** The words of one mark. */
export interface MarkField {
  label: string;
  /** What the label does not say; may be empty. */
  help: string;
}

export interface MarkGroup {
  title: string;
  /** The marks that are always in sight. */
  common: MarkWord[];
  /** The marks that the user unfolds. */
  rare: MarkWord[];
}

/** The groups, in the order of the form. A test checks that each mark is in one of them. */
export function markGroups(trans: TranslationBundle): MarkGroup[] {
  return [
    { title: trans.__('Step'), common: ['when', 'foreach', 'after'], rare: ['exit', 'shell', 'output'] },
    {
      title: trans.__('Resources'),
      common: ['cpu', 'memory', 'gpu'],
      rare: ['limit', 'shm', 'ephemeral-storage']
    },
    {
      title: trans.__('Image and packages'),
      common: ['image', 'package'],
      rare: ['apt', 'index-url', 'extra-index-url', 'find-links', 'image-pull-policy', 'pull-secret']
    },
    { title: trans.__('Environment and secrets'), common: ['env', 'secret'], rare: ['config-map'] },
    { title: trans.__('Volumes and files'), common: ['volume', 'file'], rare: [] },
    {
      title: trans.__('Pod'),
      common: [],
      rare: [
        'pod',
        'node',
        'toleration',
        'affinity',
        'label',
        'annotation',
        'priority-class',
        'service-account',
        'network',
        'security-context'
      ]
    },
    { title: trans.__('Behaviour'), common: ['retry', 'timeout', 'cache', 'on-failure'], rare: [] }
  ];
}

/** The words of all marks. A mark that the table has and this does not is an error of the compiler. */
export function markFields(trans: TranslationBundle): Record<MarkWord, MarkField> {
  const argo = trans.__('On Argo Workflows only.');
  return {
    step: { label: trans.__('Name of the step'), help: trans.__('Cells with the same name are one step.') },
    when: { label: trans.__('Runs only if'), help: '' },
    foreach: { label: trans.__('Once for each'), help: trans.__('Such as: name in names.') },
    after: { label: trans.__('Runs after'), help: trans.__('A step whose values it does not read.') },
    exit: { label: trans.__('Runs at the end, whatever happened'), help: '' },
    shell: { label: trans.__('Shell script'), help: '' },
    output: { label: trans.__('Output file'), help: trans.__('A file of a shell script that becomes a value.') },
    cpu: { label: trans.__('CPU'), help: '' },
    memory: { label: trans.__('Memory'), help: '' },
    gpu: { label: trans.__('GPU'), help: '' },
    limit: { label: trans.__('Limit'), help: trans.__('The most that the step may use of a resource.') },
    shm: { label: trans.__('Shared memory'), help: trans.__('Data loaders with several processes need it.') },
    'ephemeral-storage': { label: trans.__('Disk of the node'), help: argo },
    image: { label: trans.__('Image'), help: trans.__('The container image that the step runs in.') },
    package: { label: trans.__('Package'), help: trans.__('As pip takes it, such as pandas==2.2.') },
    apt: { label: trans.__('Package of Debian'), help: trans.__('Installed when the image is built.') },
    'index-url': { label: trans.__('Package index'), help: '' },
    'extra-index-url': { label: trans.__('Further package index'), help: '' },
    'find-links': { label: trans.__('Page with links to packages'), help: '' },
    'image-pull-policy': { label: trans.__('When the image is pulled'), help: '' },
    'pull-secret': { label: trans.__('Secret that pulls the image'), help: '' },
    env: {
      label: trans.__('Environment variable'),
      help: trans.__('It is in the notebook for all to see: a password belongs in a secret.')
    },
    secret: {
      label: trans.__('Secret'),
      help: trans.__('The name of a secret and its key as an environment variable, or its keys as files.')
    },
    'config-map': {
      label: trans.__('Config map'),
      help: trans.__('A key as an environment variable, or all keys as files.')
    },
    volume: { label: trans.__('Volume'), help: trans.__('A persistent volume claim, and where it is mounted.') },
    file: { label: trans.__('File'), help: trans.__('A file that travels with the step to a cluster.') },
    pod: { label: trans.__('Pod that neighbours share'), help: '' },
    node: { label: trans.__('Label of the node'), help: '' },
    toleration: { label: trans.__('Tolerated taint'), help: '' },
    affinity: { label: trans.__('Affinity'), help: argo },
    label: { label: trans.__('Label'), help: '' },
    annotation: { label: trans.__('Annotation'), help: '' },
    'priority-class': { label: trans.__('Priority class'), help: argo },
    'service-account': { label: trans.__('Service account'), help: argo },
    network: { label: trans.__('Network'), help: trans.__('Of the container on this machine.') },
    'security-context': { label: trans.__('Security context'), help: '' },
    retry: { label: trans.__('Retries'), help: '' },
    timeout: { label: trans.__('Longest time'), help: '' },
    cache: {
      label: trans.__('Keep results'),
      help: trans.__('Take them from an earlier run with the same code and inputs.')
    },
    'on-failure': { label: trans.__('When it fails'), help: trans.__('With continue, the run goes on.') }
  };
}
