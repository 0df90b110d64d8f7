/** What a cluster would get of the pipeline: to be looked at, copied, downloaded. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { NotebookSession } from './session';
import { size } from './values';
import { TravellingFile } from './wire';

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
  const [files, setFiles] = React.useState<TravellingFile[]>([]);
  const [engine, setEngine] = React.useState<string>('');
  const show = async (wanted: string) => {
    setEngine(wanted);
    setText('…');
    setFiles([]);
    try {
      const found = await session.api.manifest(session.sent(), wanted);
      setText(found.text);
      setFiles(found.files);
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
            <code>{file.path}</code> ({size(file.bytes)}){file.link && <b> {trans.__('a link to %1', file.link)}</b>}
          </li>
        ))}
      </ul>
    </div>
  );
}
