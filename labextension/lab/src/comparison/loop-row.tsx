/** The row of a loop with many iterations: what they have together, and on request each of them. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { PartName } from '@kfnb/core/comparison/comparison-parts';
import { errorText } from '@kfnb/core/format';
import { ComparedIterations, ComparedLoop, ComparedValue } from '@kfnb/core/wire/api-types';
import { ValueRow } from './value-row';

/** Reads a page of the iterations of a row, after `start` of them. */
export type ReadIterations = (part: PartName, row: ComparedValue, start: number) => Promise<ComparedIterations>;

interface LoopProps {
  part: PartName;
  row: ComparedValue;
  loop: ComparedLoop;
  runs: string[];
  read: ReadIterations;
  trans: TranslationBundle;
}

export function LoopRow({ part, row, loop, runs, read, trans }: LoopProps): React.JSX.Element {
  const [open, setOpen] = React.useState(false);
  const [found, setFound] = React.useState<ComparedIterations | null>(null);
  const [error, setError] = React.useState('');
  const more = (known: ComparedValue[]) =>
    read(part, row, known.length).then(
      page => {
        setFound({ rows: [...known, ...page.rows], total: page.total });
        setError('');
      },
      (reason: unknown) => setError(errorText(reason))
    );
  // what is shown of the iterations is read anew when it is asked for otherwise
  React.useEffect(() => {
    setFound(null);
    if (open) {
      void more([]);
    }
  }, [open, read]);
  const rest = found ? found.total - found.rows.length : 0;
  return (
    <>
      <ValueRow part={part} row={row} runs={runs} trans={trans}>
        <button
          type="button"
          className="kfnb-Comparison-loop"
          aria-expanded={open}
          title={trans.__('Show the iterations of %1', loop.step)}
          onClick={() => setOpen(!open)}
        >
          {open ? '▾' : '▸'} {trans.__('%1 of %2 iterations differ', loop.differing, loop.iterations)}
        </button>
      </ValueRow>
      {open && found?.rows.map(one => <ValueRow key={one.name} part={part} row={one} runs={runs} trans={trans} />)}
      {open && (rest > 0 || !found?.rows.length) && (
        <tr>
          <td colSpan={runs.length + 1}>
            {error && <span role="alert">{error}</span>}
            {!error && !found && <span role="status">{trans.__('The iterations are being read …')}</span>}
            {found?.total === 0 && trans.__('No iteration differs.')}
            {found && rest > 0 && (
              <button type="button" className="kfnb-Comparison-rest" onClick={() => void more(found.rows)}>
                {trans._n('Show %1 more iteration', 'Show more of %1 iterations', rest, rest)}
              </button>
            )}
          </td>
        </tr>
      )}
    </>
  );
}
