/** The table of an experiment: a row for each run, with its parameters and metrics as columns. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatDuration, formatStart, valueText } from '@kfnb/core/format';
import { RunColumn } from '@kfnb/core/plots/run-columns';
import { SHAPES, words } from '@kfnb/core/states';
import { ListedRun } from '@kfnb/core/wire/api-types';

const FIRST_ROWS = 100; // before the user asks for all

export interface Order {
  key: string;
  descending: boolean;
}

interface TableProps {
  runs: ListedRun[];
  columns: RunColumn[];
  order: Order;
  onOrder: (order: Order) => void;
  marked: string | null;
  onMark: (run: string | null) => void;
  chosen: ReadonlySet<string>;
  onChoose: (run: string, chosen: boolean) => void;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}

export function ExperimentTable(props: TableProps): React.JSX.Element {
  const { runs, columns, order, onOrder, marked, onMark, chosen, onChoose, onOpen, trans } = props;
  const [whole, showWhole] = React.useState(false);
  const shown = whole ? runs : runs.slice(0, FIRST_ROWS);
  const sorted = (key: string) => (order.key !== key ? 'none' : order.descending ? 'descending' : 'ascending');
  return (
    <div className="kfnb-Experiment-table" role="region" aria-label={trans.__('Runs of the experiment')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">{trans.__('Began')}</th>
            <th scope="col">{trans.__('State')}</th>
            {columns.map(column => (
              <th
                key={column.key}
                scope="col"
                aria-sort={sorted(column.key)}
                className={column.numeric ? 'kfnb-mod-number' : ''}
              >
                <button
                  type="button"
                  onClick={() =>
                    onOrder({ key: column.key, descending: order.key === column.key && !order.descending })
                  }
                >
                  {column.label}
                  <span aria-hidden="true">{{ ascending: ' ▲', descending: ' ▼', none: '' }[sorted(column.key)]}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map(run => (
            <Row
              key={run.run}
              run={run}
              columns={columns}
              marked={run.run === marked}
              onMark={onMark}
              chosen={chosen.has(run.run)}
              onChoose={onChoose}
              onOpen={onOpen}
              trans={trans}
            />
          ))}
        </tbody>
      </table>
      {shown.length < runs.length && (
        <button type="button" className="kfnb-Experiment-rest" onClick={() => showWhole(true)}>
          {trans.__('Show all %1 rows', runs.length)}
        </button>
      )}
    </div>
  );
}

interface RowProps extends Pick<TableProps, 'columns' | 'onMark' | 'onChoose' | 'onOpen' | 'trans'> {
  run: ListedRun;
  marked: boolean;
  chosen: boolean;
}

/** A row is drawn anew only when something in it changes: there may be a thousand of them. */
const Row = React.memo(function Row(props: RowProps): React.JSX.Element {
  const { run, columns, marked, onMark, chosen, onChoose, onOpen, trans } = props;
  const began = formatStart(run.created);
  return (
    <tr
      data-run={run.run}
      data-state={run.state}
      className={marked ? 'kfnb-mod-marked' : ''}
      onPointerEnter={() => onMark(run.run)}
      onPointerLeave={() => onMark(null)}
      onFocus={() => onMark(run.run)}
      onBlur={() => onMark(null)}
    >
      <td>
        <input
          type="checkbox"
          aria-label={trans.__('Choose the run %1', began)}
          checked={chosen}
          onChange={event => onChoose(run.run, event.target.checked)}
        />
      </td>
      <th scope="row">
        <button type="button" title={trans.__('Open the page of the run %1', run.run)} onClick={() => onOpen(run.run)}>
          {began}
        </button>
      </th>
      <td className="kfnb-Experiment-state" title={run.error?.message}>
        {SHAPES[run.state]} {words(trans)[run.state]}
      </td>
      {columns.map(column => {
        const value = column.valueOf(run);
        const text =
          value === undefined ? '' : column.kind === 'duration' ? formatDuration(value as number) : valueText(value);
        return (
          <td key={column.key} className={column.numeric ? 'kfnb-mod-number' : ''} title={text}>
            {text}
          </td>
        );
      })}
    </tr>
  );
});
