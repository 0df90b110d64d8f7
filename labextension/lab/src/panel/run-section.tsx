/** The section of the side bar that lists the notebook's runs, shows one on the cells, and deletes runs. */

import { Dialog, Notification, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { errorText, formatStart } from '@kfnb/core/format';
import { ListedRun } from '@kfnb/core/wire/api-types';
import { CommandIDs } from '../common/command-ids';
import { KeepFocus } from '../common/keep-focus';
import { NotebookSession } from '../session/notebook-session';
import { RunList } from './run-list';
import { Section } from './section';

const MAX_RUNS = 30;

export function RunSection({
  session,
  commands,
  trans
}: {
  session: NotebookSession;
  commands: CommandRegistry;
  trans: TranslationBundle;
}): React.JSX.Element {
  const [runs, setRuns] = React.useState<ListedRun[] | null>(null); // null: the server has not said it yet
  const [reloads, reload] = React.useReducer((count: number) => count + 1, 0);
  const state = `${session.path} ${session.run?.run.run ?? ''} ${session.run?.run.state ?? ''} ${session.failedStart !== null} ${reloads}`;
  React.useEffect(() => {
    session.listRuns(MAX_RUNS).then(
      list => setRuns(list.runs),
      () => undefined // the list stays as it was: the side bar says that the server does not answer
    );
  }, [session, state]);
  return (
    <Section title={trans.__('Runs')} open>
      <KeepFocus>
        {runs && (
          <RunList
            runs={runs}
            shown={session.run?.run.run ?? null}
            clock={session.lostContact?.since ?? null}
            onShow={run => void showRun(session, run).then(exists => exists || reload())}
            onDelete={run => void deleteRun(session, run, trans).then(reload)}
            trans={trans}
          />
        )}
      </KeepFocus>
      {session.run && (
        <button
          type="button"
          className="jp-mod-styled"
          title={trans.__('Open the page of this run: its graph, timing, steps and logs')}
          onClick={() => void commands.execute(CommandIDs.openRun, { run: session.run?.run.run })}
        >
          {trans.__('Open its page')}
        </button>
      )}
      {commands.hasCommand(CommandIDs.allRuns) && (
        <button type="button" className="kfnb-Runs-all" onClick={() => void commands.execute(CommandIDs.allRuns)}>
          {trans.__('All runs of all notebooks')}
        </button>
      )}
      {session.run?.run.page ? (
        <a className="kfnb-ClusterPage" href={session.run.run.page} target="_blank" rel="noreferrer">
          {trans.__('Show this run on the cluster’s own page')}
        </a>
      ) : null}
    </Section>
  );
}

/** Shows a run on the cells. Resolves to false if it no longer exists, because it was deleted elsewhere. */
async function showRun(session: NotebookSession, run: string): Promise<boolean> {
  try {
    session.show(await session.client.run(run));
    return true;
  } catch (error) {
    Notification.warning(errorText(error), { autoClose: 8000 });
    return false;
  }
}

/** Deletes a run after the user has confirmed it. */
async function deleteRun(session: NotebookSession, run: ListedRun, trans: TranslationBundle): Promise<void> {
  const answer = await showDialog({
    title: trans.__('Delete this run?'),
    body: trans.__(
      'The run of %1, its logs and the values that no other run has are deleted. This cannot be undone.',
      formatStart(run.created)
    ),
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.warnButton({ label: trans.__('Delete') })],
    defaultButton: 0
  });
  if (!answer.button.accept) {
    return;
  }
  try {
    await session.delete(run.run);
  } catch (error) {
    await showErrorMessage(trans.__('The run was not deleted'), errorText(error));
  }
}
