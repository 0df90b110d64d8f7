/** One row of a comparison: a thing, and its value in each run. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { looksAlike, PartName, relativeChange, rowLabel, valueIn } from '@kfnb/core/comparison/comparison-parts';
import { ComparedValue } from '@kfnb/core/wire/api-types';

const WITH_CHANGE: ReadonlySet<PartName> = new Set(['metrics', 'durations']);

interface RowProps {
  part: PartName;
  row: ComparedValue;
  runs: string[];
  trans: TranslationBundle;
  /** Stands below the name. */
  children?: React.ReactNode;
}

export function ValueRow({ part, row, runs, trans, children }: RowProps): React.JSX.Element {
  const alike = looksAlike(row, runs);
  const first = valueIn(part, row, runs[0], trans);
  return (
    <tr data-name={row.name} className={row.differs ? 'kfnb-mod-differs' : ''}>
      <th scope="row" title={row.name}>
        {rowLabel(part, row, trans)}
        {alike && <span className="kfnb-Comparison-alike">{trans.__('differ in what is not shown')}</span>}
        {children}
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
