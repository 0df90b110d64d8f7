/** A link that downloads a YAML text as a file. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

interface LinkProps {
  text: string;
  file: string;
  trans: TranslationBundle;
}

export function DownloadLink({ text, file, trans }: LinkProps): React.JSX.Element {
  return (
    <a download={file} href={`data:text/yaml;charset=utf-8,${encodeURIComponent(text)}`}>
      {trans.__('Download %1', file)}
    </a>
  );
}
