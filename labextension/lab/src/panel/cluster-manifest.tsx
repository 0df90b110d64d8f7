/** The manifest that would be submitted to a cluster, to read, copy or download. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { NotebookSession } from '../session/notebook-session';
import { DownloadLink } from '../common/download-link';
import { ENGINE_NAMES } from '../common/engine-names';
import { errorText, formatBytes } from '@kfnb/core/format';
import { TravellingFile } from '@kfnb/core/wire/api-types';

interface Manifest {
  text: string;
  files: TravellingFile[];
}

export function ClusterManifest({
  session,
  trans
}: {
  session: NotebookSession;
  trans: TranslationBundle;
}): React.JSX.Element {
  const [manifest, setManifest] = React.useState<Manifest | null>(null);
  const [trouble, setTrouble] = React.useState('');
  const [engine, setEngine] = React.useState<string>('');
  const show = async (selected: string) => {
    setEngine(selected);
    setManifest(null);
    setTrouble('');
    try {
      setManifest(await session.client.manifest(session.request(), selected));
    } catch (error) {
      setTrouble(errorText(error));
    }
  };
  const name = `${session.compiled.lastValid?.pipeline ?? 'pipeline'}-${engine}.yaml`;
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
      {trouble && <p role="alert">{trouble}</p>}
      {manifest && (
        <>
          <DownloadLink text={manifest.text} file={name} trans={trans} />
          {manifest.files.length > 0 && <TravellingFiles files={manifest.files} trans={trans} />}
          <pre tabIndex={0}>{manifest.text}</pre>
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
