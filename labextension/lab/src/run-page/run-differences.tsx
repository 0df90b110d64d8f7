/** What differs between a run and the one of its notebook before it. It is asked for when it is unfolded. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { cellsToShow, Part, partsToShow, rowLabel, valueIn } from '@kfnb/core/comparison/comparison-parts';
import { errorText, formatStart } from '@kfnb/core/format';
import { Comparison, RunInfo } from '@kfnb/core/wire/api-types';
import { RestClient } from '../server/rest-client';

const PARTS: ReadonlySet<string> = new Set(['parameters', 'metrics', 'settings', 'environment', 'packages']);
const MAX_ROWS = 12; // of one part

interface DifferencesProps {
  run: RunInfo;
  /** The notebook's path in the file browser. */
  path: string;
  client: RestClient;
  compare: (runs: string[]) => void;
  trans: TranslationBundle;
}

/** Null where the notebook had not been run before. */
type Found = { before: RunInfo; comparison: Comparison } | null;

export function RunDifferences({ run, path, client, compare, trans }: DifferencesProps): React.JSX.Element {
  const [isOpen, setOpen] = React.useState(false);
  const [found, setFound] = React.useState<Found | undefined>(undefined);
  const [trouble, setTrouble] = React.useState('');
  React.useEffect(() => {
    if (isOpen) {
      differences(run, path, client).then(setFound, (error: unknown) => setTrouble(errorText(error)));
    }
    // once more when the run has ended, and when it was retried
  }, [isOpen, client, path, run.run, run.state]);
  return (
    <details className="kfnb-RunPage-differences" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>{trans.__('Differs from the run before')}</summary>
      {trouble && <p role="alert">{trouble}</p>}
      {isOpen && found === undefined && !trouble && <p role="status">{trans.__('Loading …')}</p>}
      {found === null && <p>{trans.__('The notebook was not run before.')}</p>}
      {found && <Differences {...found} run={run} compare={compare} trans={trans} />}
    </details>
  );
}

async function differences(run: RunInfo, path: string, client: RestClient): Promise<Found> {
  const ofNotebook = { notebook: path, notebook_id: run.notebook_id };
  const { runs } = await client.findRuns({ ...ofNotebook, until: run.created, order: '-created', count: 1 });
  const [before = null] = runs;
  return before && { before, comparison: await client.compareRuns([before.run, run.run]) };
}

interface FoundProps {
  before: RunInfo;
  run: RunInfo;
  comparison: Comparison;
  compare: (runs: string[]) => void;
  trans: TranslationBundle;
}

function Differences({ before, run, comparison, compare, trans }: FoundProps): React.JSX.Element {
  const parts = partsToShow(comparison, false, trans).filter(part => PARTS.has(part.name));
  const cells = cellsToShow(comparison, false);
  const runs: [string, string] = [before.run, run.run];
  return (
    <>
      <p>
        {trans.__('Before: the run of %1', formatStart(before.created))}{' '}
        <button type="button" className="kfnb-RunPage-link" onClick={() => compare(runs)}>
          {trans.__('Compare both')}
        </button>
      </p>
      {parts.length + cells.length === 0 && (
        <p>{trans.__('Nothing differs in parameters, metrics, code, settings and packages.')}</p>
      )}
      {cells.length > 0 && (
        <p>{trans.__('Code: %1', cells.map(cell => cellName(cell.numbers[run.run], cell.steps, trans)).join(', '))}</p>
      )}
      {parts.map(part => (
        <PartTable key={part.name} part={part} runs={runs} trans={trans} />
      ))}
    </>
  );
}

function cellName(number: number | undefined, steps: string[], trans: TranslationBundle): string {
  const name = number === undefined ? trans.__('a cell that is gone') : trans.__('cell %1', number);
  return steps.length ? `${name} (${steps.join(', ')})` : name;
}

function PartTable({
  part,
  runs,
  trans
}: {
  part: Part;
  runs: [string, string];
  trans: TranslationBundle;
}): React.JSX.Element {
  const more = part.rows.length - MAX_ROWS;
  return (
    <table className="kfnb-RunPage-table" aria-label={part.title}>
      <tbody>
        {part.rows.slice(0, MAX_ROWS).map(row => (
          <tr key={row.name}>
            <th scope="row">{rowLabel(part.name, row, trans)}</th>
            <td>{runs.map(id => valueIn(part.name, row, id, trans) ?? '–').join(' → ')}</td>
          </tr>
        ))}
        {more > 0 && (
          <tr>
            <th scope="row">{trans._n('%1 more', '%1 more', more)}</th>
            <td />
          </tr>
        )}
      </tbody>
    </table>
  );
}
