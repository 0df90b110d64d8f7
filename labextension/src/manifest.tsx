/** What a cluster would get of the pipeline: to be looked at, copied, downloaded. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { NotebookSession } from './session';

const ENGINES = [
  ['argo', 'Argo Workflows'],
  ['kfp', 'Kubeflow Pipelines']
] as const;

export function Manifest({
  session,
  trans
}: {
  session: NotebookSession;
  trans: TranslationBundle;
}): React.JSX.Element {
  const [text, setText] = React.useState('');
  const [engine, setEngine] = React.useState<string>('');
  const show = async (wanted: string) => {
    setEngine(wanted);
    setText('…');
    try {
      setText((await session.api.manifest(session.sent(), wanted)).text);
    } catch (error) {
      setText(error instanceof Error ? error.message : String(error));
    }
  };
  const name = `${session.shown?.pipeline ?? 'pipeline'}-${engine}.yaml`;
  return (
    <div className="kfnb-Manifest">
      {ENGINES.map(([id, title]) => (
        <button
          key={id}
          type="button"
          className="jp-mod-styled"
          aria-pressed={engine === id}
          onClick={() => void show(id)}
        >
          {title}
        </button>
      ))}
      {text && (
        <>
          <a download={name} href={`data:text/yaml;charset=utf-8,${encodeURIComponent(text)}`}>
            {trans.__('Download %1', name)}
          </a>
          <pre tabIndex={0}>{text}</pre>
        </>
      )}
    </div>
  );
}
