/** The code of compared runs, cell by cell: the lines that differ from the first run that has the cell. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { numbersOf } from '@kfnb/core/comparison/comparison-parts';
import { ComparedCode, Comparison } from '@kfnb/core/wire/api-types';

const LINE_CLASSES: Record<string, string> = { '-': 'kfnb-mod-removed', '+': 'kfnb-mod-added', '…': 'kfnb-mod-gap' };

interface CodeProps {
  comparison: Comparison;
  cells: ComparedCode[];
  trans: TranslationBundle;
}

export function CodeDifferences({ comparison, cells, trans }: CodeProps): React.JSX.Element {
  const changed = cells.filter(cell => cell.differs).length;
  return (
    <section className="kfnb-Comparison-code" aria-label={trans.__('Code')}>
      <h2>
        {trans.__('Code')}
        <span className="kfnb-Comparison-count">
          {trans.__('%1 of %2 cells differ', changed, comparison.code.length)}
        </span>
      </h2>
      {cells.map((cell, at) => (
        <Cell key={at} comparison={comparison} cell={cell} trans={trans} />
      ))}
    </section>
  );
}

interface CellProps {
  comparison: Comparison;
  cell: ComparedCode;
  trans: TranslationBundle;
}

function Cell({ comparison, cell, trans }: CellProps): React.JSX.Element {
  const [first, ...others] = cell.versions;
  const missing = comparison.runs.map(run => run.run).filter(run => !(run in cell.numbers));
  const number = Object.values(cell.numbers)[0];
  return (
    <article aria-label={trans.__('Cell %1', number)} data-cell={number}>
      <h3>
        {trans.__('Cell %1', number)}
        {cell.steps.length > 0 && ` · ${cell.steps.join(', ')}`}
      </h3>
      {missing.length > 0 && <p>{trans.__('Not in these runs: %1', numbersOf(missing, comparison))}</p>}
      {others.length === 0 && <Lines lines={first.source.split('\n').map(line => [' ', line])} />}
      {others.map(version => (
        <React.Fragment key={version.runs[0]}>
          <p>
            {trans.__(
              'Changes from run %1 to run %2:',
              numbersOf(first.runs, comparison),
              numbersOf(version.runs, comparison)
            )}
          </p>
          <Lines lines={version.changes} />
        </React.Fragment>
      ))}
    </article>
  );
}

/** Lines with marks before them, which are also read aloud. */
function Lines({ lines }: { lines: string[][] }): React.JSX.Element {
  return (
    <pre tabIndex={0}>
      {lines.map(([mark, text], at) => (
        <span key={at} className={`kfnb-Comparison-line ${LINE_CLASSES[mark] ?? ''}`}>
          {`${mark} ${text}\n`}
        </span>
      ))}
    </pre>
  );
}
