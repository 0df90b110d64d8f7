/** What a run would be: the resources and packages of its steps, and what would be sent to a cluster. */

import { Notebook } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatBytes } from '@kfnb/core/format';
import { valueText } from '@kfnb/core/parameters/parameter-fields';
import { ResourceLimit, StepInfo, Submission } from '@kfnb/core/wire/api-types';
import { DownloadLink } from '../common/download-link';
import { MarkInput } from '../inspector/mark-input';
import { writeSetting, writtenSetting } from './step-settings';

interface StepsProps {
  plan: Submission;
  steps: StepInfo[];
  notebook: Notebook;
  /** A setting was written into the notebook. */
  onChange: () => void;
  trans: TranslationBundle;
}

/** The image, the packages and the resources of each step. What a mark sets can be changed. */
export function PlannedSteps({ plan, steps, notebook, onChange, trans }: StepsProps): React.JSX.Element {
  const infos = new Map(steps.map(step => [step.name, step.settings as Record<string, unknown>]));
  const columns: [string, string][] = [
    ['cpu', trans.__('CPU')],
    ['memory', trans.__('Memory')],
    ['gpu', trans.__('GPUs')],
    ['retry', trans.__('Retries')]
  ];
  const limits = new Map(plan.limits.map(limit => [limit.mark as string, limit]));
  const setting = (step: string, mark: string, label: string) => {
    const value = infos.get(step)?.[mark];
    const text = value === undefined ? limits.get(mark)?.default || '–' : valueText(value);
    const written = writtenSetting(notebook, step, mark);
    return written === undefined ? (
      text
    ) : (
      <MarkInput
        value={written?.value ?? ''}
        label={trans.__('%1 of step %2', label, step)}
        placeholder={text}
        onCommit={typed => {
          writeSetting(notebook, step, mark, typed);
          onChange();
        }}
      />
    );
  };
  return (
    <details>
      <summary>{trans._n('%1 step', '%1 steps', plan.steps.length)}</summary>
      <div className="kfnb-Submit-table" role="region" aria-label={trans.__('Steps')} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{trans.__('Step')}</th>
              <th scope="col">{trans.__('Image')}</th>
              <th scope="col">{trans.__('Packages')}</th>
              {columns.map(([mark, label]) => (
                <th key={mark} scope="col">
                  {label}
                  <Limit limit={limits.get(mark)} trans={trans} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {plan.steps.map(({ step, image, packages }) => (
              <tr key={step}>
                <th scope="row">{step}</th>
                <td>{image ?? '–'}</td>
                <td>{packages.join(', ') || '–'}</td>
                {columns.map(([mark, label]) => (
                  <td key={mark}>{setting(step, mark, label)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p>{trans.__('A change becomes a mark of the step in the notebook, which undo takes back.')}</p>
    </details>
  );
}

/** What a step has whose marks say nothing, and the most that it may ask for. */
function Limit(props: { limit: ResourceLimit | undefined; trans: TranslationBundle }): React.JSX.Element {
  const { limit, trans } = props;
  const usual = limit?.default ? trans.__('%1 by default', limit.default) : '';
  const most = limit?.most ? trans.__('at most %1', limit.most) : '';
  return (
    <>
      {usual && <small>{usual}</small>}
      {most && <small title={trans.__('This is the limit of %1.', limit?.source)}>{most}</small>}
    </>
  );
}

interface SentProps {
  plan: Submission;
  name: string;
  trans: TranslationBundle;
}

/** The files that would be sent, with their sizes, and the manifest. */
export function SentFiles({ plan, name, trans }: SentProps): React.JSX.Element | null {
  if (plan.engine === 'local') {
    return <p>{trans.__('Nothing leaves this machine.')}</p>;
  }
  if (!plan.manifest) {
    return null;
  }
  const bytes = plan.files.reduce((sum, file) => sum + file.bytes, 0);
  return (
    <details>
      <summary>
        {trans.__(
          'What will be sent: a manifest of %1 and files of %2',
          formatBytes(plan.manifest.length),
          formatBytes(bytes)
        )}
      </summary>
      <ul>
        {plan.files.map(file => (
          <li key={file.path}>
            <code>{file.path}</code> ({formatBytes(file.bytes)})
            {file.link && <b> {trans.__('a link to %1', file.link)}</b>}
          </li>
        ))}
      </ul>
      <DownloadLink text={plan.manifest} file={`${name}-${plan.engine}.yaml`} trans={trans} />
      <pre tabIndex={0}>{plan.manifest}</pre>
    </details>
  );
}
