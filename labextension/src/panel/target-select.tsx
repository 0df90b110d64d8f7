/** The list of targets from which the user selects where the pipeline runs. */

import { showErrorMessage } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { confirmTrust } from '../dialogs/trust-dialog';
import { NotebookSession } from '../session/notebook-session';

export function TargetSelect({
  session,
  trans
}: {
  session: NotebookSession;
  trans: TranslationBundle;
}): React.JSX.Element | null {
  React.useEffect(() => void session.readTargets(), [session]);
  const targets = session.targets;
  if (targets.length < 2) {
    return null;
  }
  const choose = async (name: string) => {
    if (targets.find(target => target.name === name)?.trusted === false) {
      try {
        if (!(await confirmTrust(session.client, session.path, trans))) {
          return;
        }
      } catch (error) {
        void showErrorMessage(trans.__('The file cannot be trusted'), error instanceof Error ? error : String(error));
        return;
      }
      await session.readTargets();
    }
    session.setTarget(name);
  };
  return (
    <select
      aria-label={trans.__('Where to run')}
      value={session.target}
      onChange={event => void choose(event.target.value)}
    >
      {targets.map(target => (
        <option key={target.name} value={target.name}>
          {target.name === target.engine ? target.name : `${target.name} (${target.engine})`}
          {target.trusted ? '' : trans.__(' – not trusted')}
        </option>
      ))}
    </select>
  );
}
