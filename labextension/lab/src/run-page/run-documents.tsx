/** The documents of a run: its report, to read or as a file, and what was submitted to its cluster. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { errorText } from '@kfnb/core/format';
import { RunInfo } from '@kfnb/core/wire/api-types';
import { saveFile } from '../common/save-file';
import { RestClient } from '../server/rest-client';

interface DocumentsProps {
  run: RunInfo;
  client: RestClient;
  openReport: (run: RunInfo, html: string) => void;
  trans: TranslationBundle;
}

export function RunDocuments({ run, client, openReport, trans }: DocumentsProps): React.JSX.Element {
  const [told, setTold] = React.useState('');
  const act = (what: () => Promise<void>) => {
    setTold(trans.__('Being made …'));
    what().then(
      () => setTold(''),
      (error: unknown) => setTold(errorText(error))
    );
  };
  const open = async () => openReport(run, await (await client.report(run.run, 'html')).file.text());
  const save = async (form: 'html' | 'ipynb') => saveFile(await client.report(run.run, form));
  const saveManifest = async () => {
    const { text } = await client.runManifest(run.run);
    saveFile({ file: new Blob([text], { type: 'text/yaml' }), filename: `${run.pipeline}-${run.run}.yaml` });
  };
  return (
    <section aria-label={trans.__('Documents')}>
      <h2>{trans.__('Documents')}</h2>
      <p className="kfnb-RunPage-documents">
        <button type="button" className="jp-mod-styled" onClick={() => act(open)}>
          {trans.__('Open Report')}
        </button>
        <button type="button" className="jp-mod-styled" onClick={() => act(() => save('html'))}>
          {trans.__('Download Report')}
        </button>
        <button type="button" className="jp-mod-styled" onClick={() => act(() => save('ipynb'))}>
          {trans.__('Download Executed Notebook')}
        </button>
        {run.engine !== 'local' && (
          <button type="button" className="jp-mod-styled" onClick={() => act(saveManifest)}>
            {trans.__('Download Manifest')}
          </button>
        )}
      </p>
      <p role="status">{told}</p>
    </section>
  );
}
