/** What a cluster would get of the pipeline: to be looked at, copied, downloaded. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { NotebookSession } from '../session/notebook-session';
import { formatBytes } from '../cells/values-table';
import { TravellingFile } from '../server/api-types';

const ENGINES = [
  ['argo', 'Argo Workflows'],
  ['kfp', 'Kubeflow Pipelines']
] as const;

export function ClusterManifest({
  session,
  trans
}: {
  session: NotebookSession;
  trans: TranslationBundle;
}): React.JSX.Element {
  const [text, setText] = React.useState('');
  const [files, setFiles] = React.useState<TravellingFile[]>([]);
  const [engine, setEngine] = React.useState<string>('');
  const show = async (wanted: string) => {
    setEngine(wanted);
    setText('…');
    setFiles([]);
    try {
      const found = await session.client.manifest(session.request(), wanted);
      setText(found.text);
      setFiles(found.files);
    } catch (error) {
      setText(error instanceof Error ? error.message : String(error));
    }
  };
  const name = `${session.lastValid?.pipeline ?? 'pipeline'}-${engine}.yaml`;
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
          {files.length > 0 && <TravellingFiles files={files} trans={trans} />}
          <pre tabIndex={0}>{text}</pre>
        </>
      )}
    </div>
  );
}

/** What leaves this machine with the pipeline. */
function TravellingFiles({ files, trans }: { files: TravellingFile[]; trans: TranslationBundle }): React.JSX.Element {
  return (
    <div>
      {trans._n('%1 file travels with it:', '%1 files travel with it:', files.length)}
      <ul>
        {files.map(file => (
          <li key={file.path}>
            <code>{file.path}</code> ({formatBytes(file.bytes)})
            {file.link && <b> {trans.__('a link to %1', file.link)}</b>}
          </li>
        ))}
      </ul>
    </div>
  );
}
