/** A run of a part whose values were made with other parameters: the user is asked whether it may take them. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { RefusedError } from '../server/rest-client';
import { NotebookSession } from '../session/notebook-session';
import { Problem } from '../server/api-types';

const OTHER_PARAMETERS = 'KF512';

interface Part {
  only?: string;
  start?: string;
}

/** Run the pipeline, or a part of it; gives what the user should know of it. Throws `RefusedError`. */
export async function startRun(session: NotebookSession, part: Part, trans: TranslationBundle): Promise<Problem[]> {
  try {
    return await session.start(part);
  } catch (error) {
    const others = error instanceof RefusedError ? error.problems.filter(one => one.code === OTHER_PARAMETERS) : [];
    if (!(error instanceof RefusedError) || others.length === 0 || others.length < error.problems.length) {
      throw error;
    }
    const { button } = await showDialog({
      title: trans.__('Take values that were made with other parameters?'),
      body: others.map(one => one.message).join('\n'),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Take Them') })],
      defaultButton: 0
    });
    return button.accept ? session.start({ ...part, any_parameters: true }) : [];
  }
}
