/** What keeps the side bar from being current, or a run from beginning: who does not answer, since when, and what to do. */

import { TranslationBundle } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { formatStart } from '@kfnb/core/format';
import { LostContact } from '@kfnb/core/run/lost-contact';
import { CommandIDs } from '../common/command-ids';
import { NotebookSession } from '../session/notebook-session';

interface TroublesProps {
  session: NotebookSession;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

export function Troubles({ session, commands, trans }: TroublesProps): React.JSX.Element {
  const lost = session.lostContact;
  const failed = session.failedStart;
  return (
    <>
      {lost ? (
        <Trouble text={lostText(lost, trans)} />
      ) : (
        session.compiled.serverError && (
          <Trouble text={trans.__('The server does not answer: %1', session.compiled.serverError)} />
        )
      )}
      {failed && (
        <Trouble text={trans.__('The run did not reach the target %1: %2', failed.target, failed.message)}>
          <p>{trans.__('Check that the cluster is up and that you are signed in to it, or select another target.')}</p>
          <button
            type="button"
            className="jp-mod-styled"
            disabled={!commands.isEnabled(CommandIDs.run)}
            onClick={() => void commands.execute(CommandIDs.run)}
          >
            {trans.__('Try again')}
          </button>
        </Trouble>
      )}
    </>
  );
}

function Trouble({ text, children }: { text: string; children?: React.ReactNode }): React.JSX.Element {
  return (
    <div className="kfnb-Panel-trouble" role="alert">
      {text}
      {children}
    </div>
  );
}

function lostText(lost: LostContact, trans: TranslationBundle): string {
  return lost.from === 'server'
    ? trans.__(
        'The server does not answer since %1. What you see is what it said last. It is asked again every few seconds.',
        formatStart(lost.since)
      )
    : trans.__(
        'The cluster does not answer since %1: %2. The run may go on there. It is asked again every few seconds.',
        formatStart(lost.since),
        lost.message
      );
}
