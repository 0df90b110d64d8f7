/** What is read of a problem: the message is written in English, its kind comes in the reader's language. */

import { Translator } from '@kfnb/core/translator';
import { Problem } from '@kfnb/core/wire/api-types';

/** The kind of a problem in the reader's language; empty in English, where the message itself says it. */
export function problemKind({ about }: Pick<Problem, 'about'>, words: Translator): string {
  const kind = words.__(about);
  return kind === about ? '' : kind;
}

/** A problem of a cell as a line of text. */
export function problemLine(problem: Problem, words: Translator): string {
  const line = problem.line === null ? '' : `${problem.line}: `;
  const kind = problemKind(problem, words);
  return `${line}${kind && `${kind} `}${problem.message}${problem.hint ? ` (${problem.hint})` : ''}`;
}
