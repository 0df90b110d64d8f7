/** The manifest that would be submitted to a cluster, to read, copy or download. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { NotebookSession } from '../session/notebook-session';
import { formatBytes } from '../common/format';
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
  const show = async (selected: string) => {
    setEngine(selected);
    setText('…');
    setFiles([]);
    try {
      const manifest = await session.client.manifest(session.request(), selected);
      setText(manifest.text);
      setFiles(manifest.files);
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

/** The files that are sent to the cluster with the pipeline. */
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
