/** The dialog that confirms a partial run with values that an earlier run computed with other parameters. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { element } from '@kfnb/core/elements';
import { problemMessage } from '../problems/problem-words';
import { RefusedError } from '../server/rest-client';
import { NotebookSession } from '../session/notebook-session';
import { Problem } from '@kfnb/core/wire/api-types';

const OTHER_PARAMETERS = 'KF512';

/** The part of the pipeline to run: one step only, or everything from a step on; and what the form says of the run. */
export interface Part {
  only?: string;
  start?: string;
  cache?: boolean;
  experiment?: string;
}

/** Starts the pipeline or a part of it, and resolves to the warnings about the run. Throws `RefusedError`. */
export async function startRun(session: NotebookSession, part: Part, trans: TranslationBundle): Promise<Problem[]> {
  try {
    return await session.start(part);
  } catch (error) {
    const mismatches =
      error instanceof RefusedError ? error.problems.filter(problem => problem.code === OTHER_PARAMETERS) : [];
    if (!(error instanceof RefusedError) || mismatches.length === 0 || mismatches.length < error.problems.length) {
      throw error;
    }
    const { button } = await showDialog({
      title: trans.__('Reuse values that were computed with other parameters?'),
      body: new Widget({ node: listOf(mismatches.map(problem => problemMessage(problem, trans))) }),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Reuse Them') })],
      defaultButton: 0
    });
    return button.accept ? session.start({ ...part, any_parameters: true }) : [];
  }
}

function listOf(texts: string[]): HTMLElement {
  const node = element('ul', 'kfnb-OtherParameters');
  node.append(...texts.map(text => element('li', '', text)));
  return node;
}
