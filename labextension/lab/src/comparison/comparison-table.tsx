/** The table of a comparison: a column for each run, and the rows of all parts. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Part } from '@kfnb/core/comparison/comparison-parts';
import { formatDuration, formatStart } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { ComparedRun, Comparison } from '@kfnb/core/wire/api-types';
import { LoopRow, ReadIterations } from './loop-row';
import { ValueRow } from './value-row';

const FIRST_ROWS = 100; // of a part

interface TableProps {
  comparison: Comparison;
  parts: Part[];
  readIterations: ReadIterations;
  onOpen: (run: string) => void;
  onFirst: (run: string) => void;
  /** Null where no run can be spared. */
  onRemove: ((run: string) => void) | null;
  trans: TranslationBundle;
}

export function ComparisonTable(props: TableProps): React.JSX.Element {
  const { comparison, parts, readIterations, trans } = props;
  const { runs } = comparison;
  return (
    <div className="kfnb-Comparison-table" role="region" aria-label={trans.__('What differs')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <td />
            {runs.map((run, at) => (
              <RunHead key={run.run} {...props} run={run} number={at + 1} />
            ))}
          </tr>
        </thead>
        {parts.map(part => (
          <PartRows
            key={part.name}
            part={part}
            runs={runs.map(run => run.run)}
            readIterations={readIterations}
            trans={trans}
          />
        ))}
      </table>
      {parts.length === 0 && (
        <p>
          {comparison.code.some(cell => cell.differs)
            ? trans.__('Apart from their code, the runs do not differ.')
            : trans.__('The runs do not differ.')}
        </p>
      )}
    </div>
  );
}

function RunHead(props: TableProps & { run: ComparedRun; number: number }): React.JSX.Element {
  const { run, number, onOpen, onFirst, onRemove, trans } = props;
  const name = trans.__('run %1, %2', number, run.pipeline);
  return (
    <th scope="col" data-state={run.state}>
      <button
        type="button"
        className="kfnb-Comparison-run"
        title={trans.__('Open the page of the run %1', run.run)}
        onClick={() => onOpen(run.run)}
      >
        {number} · {run.pipeline}
      </button>
      <span className="kfnb-Comparison-about">
        {formatStart(run.created)}
        {run.experiment !== null && ` · ${run.experiment}`}
      </span>
      <span className="kfnb-Comparison-state">
        {SHAPES[run.state]} {words(trans)[run.state]} {run.seconds === null ? '' : formatDuration(run.seconds)}
      </span>
      <span className="kfnb-Comparison-actions">
        {number > 1 && (
          <button type="button" aria-label={trans.__('Put first: %1', name)} onClick={() => onFirst(run.run)}>
            {trans.__('Put first')}
          </button>
        )}
        {onRemove !== null && (
          <button
            type="button"
            aria-label={trans.__('Take out of the comparison: %1', name)}
            onClick={() => onRemove(run.run)}
          >
            {trans.__('Take out')}
          </button>
        )}
      </span>
    </th>
  );
}

interface PartProps {
  part: Part;
  runs: string[];
  readIterations: ReadIterations;
  trans: TranslationBundle;
}

/** The rows of a part. Of long parts the rest is shown on request. */
function PartRows({ part, runs, readIterations, trans }: PartProps): React.JSX.Element {
  const [whole, showWhole] = React.useState(false);
  const rows = whole ? part.rows : part.rows.slice(0, FIRST_ROWS);
  return (
    <tbody data-part={part.name}>
      <tr>
        <th scope="rowgroup" className="kfnb-Comparison-part">
          {part.title}
        </th>
        <td colSpan={runs.length} className="kfnb-Comparison-count">
          {part.rows.length < part.count && trans.__('%1 of %2 differ', part.rows.length, part.count)}
        </td>
      </tr>
      {rows.map(row =>
        row.loop === null ? (
          <ValueRow key={row.name} part={part.name} row={row} runs={runs} trans={trans} />
        ) : (
          <LoopRow
            key={row.name}
            part={part.name}
            row={row}
            loop={row.loop}
            runs={runs}
            read={readIterations}
            trans={trans}
          />
        )
      )}
      {rows.length < part.rows.length && (
        <tr>
          <td colSpan={runs.length + 1}>
            <button type="button" className="kfnb-Comparison-rest" onClick={() => showWhole(true)}>
              {trans.__('Show all %1 rows', part.rows.length)}
            </button>
          </td>
        </tr>
      )}
    </tbody>
  );
}
