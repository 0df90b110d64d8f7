/** What a problem says: its kind in the reader's language, its message, and what to do. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Problem } from '@kfnb/core/wire/api-types';
import { problemKind } from './problem-words';

export function ProblemText({ problem, trans }: { problem: Problem; trans: TranslationBundle }): React.JSX.Element {
  const kind = problemKind(problem, trans);
  return (
    <>
      {kind && <span className="kfnb-Problem-kind">{kind}</span>}
      <span lang="en">
        {problem.message}
        {problem.hint && <span className="kfnb-Problem-hint"> {problem.hint}</span>}
      </span>
    </>
  );
}
