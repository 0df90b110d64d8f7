/** The notifications about runs: failures, warnings, and requests that the server refuses. */

import { Notification } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { errorText, formatDuration } from '@kfnb/core/format';
import { words } from '@kfnb/core/states';
import { DEFAULTS, IPreferences } from '../preferences/preferences-plugin';
import { problemMessage } from '../problems/problem-words';
import { RefusedError } from '../server/rest-client';
import { NotebookSession } from '../session/notebook-session';
import { Failure, Problem } from '@kfnb/core/wire/api-types';

/** The actions behind the buttons of notifications. */
export interface NotificationActions {
  showNotebook(session: NotebookSession): void;
  showFailure(session: NotebookSession, failure: Failure): void;
  retry(session: NotebookSession, step: string): void;
  openPanel(): void;
}

/**
 * Notifies of the end of runs that were active in this session: of every failure, and of a success that took as long as
 * the user's preferences say. Runs that had already ended are not announced. That of a failure goes when the pipeline runs
 * again or the notebook is closed.
 */
export function notifyRunEnds(
  session: NotebookSession,
  preferences: IPreferences | null,
  actions: NotificationActions,
  trans: TranslationBundle
): void {
  let active = '';
  let failure = '';
  session.panel.disposed.connect(() => Notification.dismiss(failure));
  session.changed.connect((_, change) => {
    const run = session.run;
    if (change !== 'run' || !run) {
      return;
    }
    if (session.active) {
      active = run.run.run;
      Notification.dismiss(failure);
    } else if (active === run.run.run || session.awaitedRun === run.run.run) {
      active = '';
      session.awaitedRun = null;
      const { browserNotifications, notifyAfter } = preferences?.current ?? DEFAULTS;
      const { state, pipeline } = run.run;
      const seconds = (run.run.finished ?? 0) - (run.run.started ?? run.run.created);
      const text = `${pipeline}: ${words(trans)[state]} (${formatDuration(seconds)})`;
      if (state === 'failed') {
        failure = notifyFailure(session, run.run.error, actions, trans);
      } else if (state === 'succeeded' && seconds >= notifyAfter) {
        notifySuccess(session, text, actions, trans);
      }
      if (browserNotifications && seconds >= notifyAfter) {
        notifyThroughBrowser(text, () => actions.showNotebook(session));
      }
    }
  });
}

function notifySuccess(
  session: NotebookSession,
  text: string,
  actions: NotificationActions,
  trans: TranslationBundle
): void {
  Notification.success(text, {
    autoClose: 15000,
    actions: [
      {
        label: trans.__('Show'),
        caption: trans.__('Go to the notebook'),
        callback: () => actions.showNotebook(session)
      }
    ]
  });
}

/** Notifies outside the page, if the user looks at another one and has permitted it. */
function notifyThroughBrowser(text: string, onClick: () => void): void {
  if (document.hidden && 'Notification' in window && window.Notification.permission === 'granted') {
    const shown = new window.Notification('kfnb', { body: text });
    shown.onclick = () => {
      window.focus();
      onClick();
    };
  }
}

function notifyFailure(
  session: NotebookSession,
  failure: Failure | null,
  actions: NotificationActions,
  trans: TranslationBundle
): string {
  if (!failure) {
    return Notification.error(trans.__('The run has failed'));
  }
  const step = failure.step ?? null;
  const line = failure.line ?? 1;
  const where = session.run?.cell_lines
    ? trans.__(' (cell %1, line %2 of the file)', failure.cell, line)
    : trans.__(' (cell %1, line %2)', failure.cell, line);
  const place = failure.cell ? where : '';
  const error = `${failure.type}: ${failure.message}`;
  const text = step ? trans.__('Step %1 failed%2: %3', step, place, error) : error;
  return Notification.error(text.slice(0, 400), {
    autoClose: false,
    actions: step
      ? [
          {
            label: trans.__('Show'),
            caption: trans.__('Go to the cell and the line'),
            callback: () => actions.showFailure(session, failure),
            displayType: 'accent'
          },
          {
            label: trans.__('Retry from here'),
            caption: trans.__('Run this step and all after it again, with the notebook as it is now'),
            callback: () => actions.retry(session, step.split('[')[0])
          }
        ]
      : []
  });
}

/** Notifies of the warnings about a run that has started. */
export function notifyWarnings(problems: Problem[], trans: TranslationBundle): void {
  const warnings = problems.filter(problem => problem.severity === 'warning');
  if (warnings.length > 0) {
    const [first, others] = [warnings[0], warnings.length - 1];
    const more = others ? trans._n(' (and %1 more)', ' (and %1 more)', others, others) : '';
    Notification.warning(
      `${[problemMessage(first, trans), first.hint].filter(Boolean).join('; ')}${more}`.slice(0, 400),
      {
        autoClose: 15000
      }
    );
  }
}

/** Notifies of an error, with a button to the problems if the notebook is the cause. */
export function notifyError(error: unknown, actions: NotificationActions, trans: TranslationBundle): void {
  if (error instanceof RefusedError && error.problems.length > 0) {
    const first = error.problems[0];
    const place = first.cell === null ? '' : trans.__('Cell %1: ', first.cell);
    Notification.warning(`${place}${problemMessage(first, trans)}`.slice(0, 400), {
      autoClose: 8000,
      actions: [{ label: trans.__('Problems'), callback: () => actions.openPanel() }]
    });
  } else {
    Notification.error(errorText(error).slice(0, 400), { autoClose: 8000 });
  }
}
