/** The manifest that would be submitted to a cluster, to read, copy or download. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { NotebookSession } from '../session/notebook-session';
import { DownloadLink } from '../common/download-link';
import { ENGINE_NAMES } from '../common/engine-names';
import { errorText, formatBytes } from '@kfnb/core/format';
import { TravellingFile } from '@kfnb/core/wire/api-types';

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
      setText(errorText(error));
    }
  };
  const name = `${session.lastValid?.pipeline ?? 'pipeline'}-${engine}.yaml`;
  return (
    <div className="kfnb-Manifest">
      {Object.entries(ENGINE_NAMES).map(([id, title]) => (
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
          <DownloadLink text={text} file={name} trans={trans} />
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
