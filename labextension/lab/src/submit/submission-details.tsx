/** What a run would be: the resources and packages of its steps, and what would be sent to a cluster. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatBytes } from '@kfnb/core/format';
import { valueText } from '@kfnb/core/parameters/parameter-fields';
import { StepInfo, Submission } from '@kfnb/core/wire/api-types';
import { DownloadLink } from '../common/download-link';

interface StepsProps {
  plan: Submission;
  steps: StepInfo[];
  trans: TranslationBundle;
}

/** The image, the packages and the resources of each step. */
export function PlannedSteps({ plan, steps, trans }: StepsProps): React.JSX.Element {
  const infos = new Map(steps.map(step => [step.name, step.settings as Record<string, unknown>]));
  const setting = (step: string, name: string) => {
    const value = infos.get(step)?.[name];
    return value === undefined ? '–' : valueText(value);
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
              <th scope="col">{trans.__('CPU')}</th>
              <th scope="col">{trans.__('Memory')}</th>
              <th scope="col">{trans.__('GPUs')}</th>
              <th scope="col">{trans.__('Retries')}</th>
            </tr>
          </thead>
          <tbody>
            {plan.steps.map(({ step, image, packages }) => (
              <tr key={step}>
                <th scope="row">{step}</th>
                <td>{image ?? '–'}</td>
                <td>{packages.join(', ') || '–'}</td>
                <td>{setting(step, 'cpu')}</td>
                <td>{setting(step, 'memory')}</td>
                <td>{setting(step, 'gpu')}</td>
                <td>{setting(step, 'retry')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
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
