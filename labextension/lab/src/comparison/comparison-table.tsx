/** The table of a comparison: a column for each run, and the rows of all parts. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { looksAlike, Part, PartName, relativeChange, rowLabel, valueIn } from '@kfnb/core/comparison/comparison-parts';
import { formatDuration, formatStart } from '@kfnb/core/format';
import { SHAPES, words } from '@kfnb/core/states';
import { ComparedRun, ComparedValue, Comparison } from '@kfnb/core/wire/api-types';

const FIRST_ROWS = 100; // of a part
const WITH_CHANGE: ReadonlySet<PartName> = new Set(['metrics', 'durations']);

interface TableProps {
  comparison: Comparison;
  parts: Part[];
  onOpen: (run: string) => void;
  onFirst: (run: string) => void;
  /** Null where no run can be spared. */
  onRemove: ((run: string) => void) | null;
  trans: TranslationBundle;
}

export function ComparisonTable(props: TableProps): React.JSX.Element {
  const { comparison, parts, trans } = props;
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
          <PartRows key={part.name} part={part} runs={runs.map(run => run.run)} trans={trans} />
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
  trans: TranslationBundle;
}

/** The rows of a part. A loop may have a thousand iterations: of long parts the rest is shown on request. */
function PartRows({ part, runs, trans }: PartProps): React.JSX.Element {
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
      {rows.map(row => (
        <Row key={row.name} part={part.name} row={row} runs={runs} trans={trans} />
      ))}
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

interface RowProps {
  part: PartName;
  row: ComparedValue;
  runs: string[];
  trans: TranslationBundle;
}

function Row({ part, row, runs, trans }: RowProps): React.JSX.Element {
  const alike = looksAlike(row, runs);
  const first = valueIn(part, row, runs[0], trans);
  return (
    <tr data-name={row.name} className={row.differs ? 'kfnb-mod-differs' : ''}>
      <th scope="row" title={row.name}>
        {rowLabel(part, row, trans)}
        {alike && <span className="kfnb-Comparison-alike">{trans.__('differ in what is not shown')}</span>}
      </th>
      {runs.map(run => {
        const text = valueIn(part, row, run, trans);
        const change = WITH_CHANGE.has(part) && row.differs ? relativeChange(row.values[run], row.values[runs[0]]) : '';
        return (
          <td key={run} title={text ?? ''} className={row.differs && text !== first ? 'kfnb-mod-other' : ''}>
            {text ?? <span aria-label={trans.__('none')}>–</span>}
            {change && <span className="kfnb-Comparison-change">{change}</span>}
          </td>
        );
      })}
    </tr>
  );
}
