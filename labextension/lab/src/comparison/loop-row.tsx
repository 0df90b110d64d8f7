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
  const fold = React.useRef<HTMLButtonElement>(null);
  const latest = React.useRef(read);
  latest.current = read;
  const more = (known: ComparedValue[]) =>
    read(part, row, known.length)
      .then(page => {
        if (latest.current === read) {
          setFound({ rows: [...known, ...page.rows], total: page.total });
          setError('');
        }
      })
      .catch((reason: unknown) => setError(errorText(reason)));
  // what is shown of the iterations is read anew when it is asked for otherwise
  React.useEffect(() => {
    setFound(null);
    setError('');
    if (open) {
      void more([]);
    }
  }, [open, read]);
  const close = () => {
    setOpen(false);
    fold.current?.focus();
  };
  const rest = found ? found.total - found.rows.length : 0;
  const next =
    rest > 0
      ? trans._n('Show %1 more iteration', 'Show more of %1 iterations', rest, rest)
      : trans.__('Hide the iterations');
  return (
    <>
      <ValueRow part={part} row={row} runs={runs} trans={trans}>
        <button
          ref={fold}
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
      {open && (
        <tr>
          <td colSpan={runs.length + 1}>
            {error && <span role="alert">{error}</span>}
            {!error && !found && <span role="status">{trans.__('The iterations are being read …')}</span>}
            {found?.total === 0 && trans.__('No iteration differs.')}
            {(found ? found.total > 0 : error) && (
              // one button, which keeps the focus when the last iterations have come
              <button
                type="button"
                className="kfnb-Comparison-rest"
                onClick={() => (found && rest === 0 ? close() : void more(found?.rows ?? []))}
              >
                {found ? next : trans.__('Try Again')}
              </button>
            )}
          </td>
        </tr>
      )}
    </>
  );
}
