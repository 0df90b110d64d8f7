/** The problems of a notebook: a click goes to the line, a button adds a mark that solves the problem. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Problem } from '@kfnb/core/wire/api-types';
import { ProblemText } from '../problems/problem-text';
import { Section } from './section';

interface ProblemListProps {
  problems: Problem[];
  onProblem: (problem: Problem) => void;
  onMark: (problem: Problem, mark: string) => void;
  trans: TranslationBundle;
}

export function ProblemList({ problems, onProblem, onMark, trans }: ProblemListProps): React.JSX.Element | null {
  if (problems.length === 0) {
    return null;
  }
  return (
    <Section title={trans._n('%1 problem', '%1 problems', problems.length)} open>
      <ul className="kfnb-Problems">
        {problems.map((problem, at) => (
          <li key={at} data-severity={problem.severity}>
            <button type="button" onClick={() => onProblem(problem)}>
              {place(problem, trans)}
              <ProblemText problem={problem} trans={trans} />
            </button>
            {problem.marks.map(mark => (
              <button type="button" className="kfnb-Problems-mark" key={mark} onClick={() => onMark(problem, mark)}>
                {trans.__('Mark the cell %1', mark)}
              </button>
            ))}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function place(problem: Problem, trans: TranslationBundle): string {
  if (problem.cell === null) {
    return '';
  }
  return problem.line === null
    ? trans.__('Cell %1: ', problem.cell)
    : trans.__('Cell %1, line %2: ', problem.cell, problem.line);
}
