/** The list of targets from which the user selects where the pipeline runs. */

import { showErrorMessage } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { addIcon } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import * as React from 'react';

import { CommandIDs } from '../common/command-ids';
import { confirmTrust } from '../dialogs/trust-dialog';
import { NotebookSession } from '../session/notebook-session';
import { IN_CONTAINERS } from '../session/target-choice';

interface TargetProps {
  session: NotebookSession;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

/** The list, and the button that adds a target to it. */
export function TargetChoice(props: TargetProps): React.JSX.Element {
  const { session, commands, trans } = props;
  React.useEffect(() => void session.targets.read(), [session]);
  const label = trans.__('Add a target…');
  return (
    <>
      <TargetSelect {...props} />
      {commands.hasCommand(CommandIDs.addTarget) && (
        <button
          type="button"
          className="jp-mod-styled jp-mod-minimal kfnb-Panel-addTarget"
          aria-label={label}
          title={label}
          onClick={() => void commands.execute(CommandIDs.addTarget)}
        >
          <addIcon.react tag="span" />
        </button>
      )}
    </>
  );
}

function TargetSelect({ session, trans }: TargetProps): React.JSX.Element | null {
  const targets = session.targets.all;
  // a choice that was made where there was a tool stays visible where there is none
  const inContainers = session.targets.containerTool !== null || session.targets.inContainers;
  if (targets.length < 2 && !inContainers) {
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
      await session.targets.read();
    }
    session.targets.select(name);
  };
  return (
    <select
      aria-label={trans.__('Where to run')}
      title={
        session.targets.inContainers
          ? trans.__('On this machine, with every step in a container')
          : session.targets.current
      }
      value={session.targets.inContainers ? IN_CONTAINERS : session.targets.current}
      onChange={event => void choose(event.target.value)}
    >
      {targets.map(target => (
        <React.Fragment key={target.name}>
          <option value={target.name}>
            {target.name === target.engine ? target.name : `${target.name} (${target.engine})`}
            {target.trusted ? '' : trans.__(' – not trusted')}
          </option>
          {target.name === 'local' && inContainers && (
            <option value={IN_CONTAINERS} title={trans.__('On this machine, with every step in a container')}>
              {trans.__('containers')}
            </option>
          )}
        </React.Fragment>
      ))}
    </select>
  );
}
