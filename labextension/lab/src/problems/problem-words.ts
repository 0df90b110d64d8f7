/** What is read of a problem: the message is written in English, its kind comes in the reader's language. */

import { Translator } from '@kfnb/core/translator';
import { Problem } from '@kfnb/core/wire/api-types';

/** The kind of a problem in the reader's language; empty in English, where the message itself says it. */
export function problemKind({ about }: Pick<Problem, 'about'>, words: Translator): string {
  const kind = words.__(about);
  return kind === about ? '' : kind;
}

/** What a problem says, without what to do. */
export function problemMessage(problem: Problem, words: Translator): string {
  return [problemKind(problem, words), problem.message].filter(Boolean).join(' ');
}

/** A problem of a cell as a line of text. */
export function problemLine(problem: Problem, words: Translator): string {
  const line = problem.line === null ? '' : `${problem.line}: `;
  return `${line}${problemMessage(problem, words)}${problem.hint ? ` (${problem.hint})` : ''}`;
}
