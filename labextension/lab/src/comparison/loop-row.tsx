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

interface Iterations {
  /** Those that are shown; null while they are read for the first time. */
  found: ComparedIterations | null;
  error: string;
  showMore: () => void;
}

/** The iterations of a row while it is open, read anew when the comparison is. */
function useIterations(part: PartName, row: ComparedValue, open: boolean, read: ReadIterations): Iterations {
  const [found, setFound] = React.useState<ComparedIterations | null>(null);
  const [error, setError] = React.useState('');
  const wanted = React.useRef(1); // at least so many rows are read, in whole pages
  const requests = React.useRef(0);
  const shown = React.useRef(0); // the newest request whose answer is shown
  const load = async () => {
    const request = ++requests.current;
    const isNews = () => {
      const isNewer = request > shown.current;
      shown.current = Math.max(shown.current, request);
      return isNewer;
    };
    try {
      const rows: ComparedValue[] = [];
      let page: ComparedIterations;
      do {
        page = await read(part, row, rows.length);
        rows.push(...page.rows);
      } while (page.rows.length > 0 && rows.length < Math.min(wanted.current, page.total));
      if (isNews()) {
        setFound({ rows, total: page.total });
        setError('');
      }
    } catch (reason) {
      if (isNews()) {
        setError(errorText(reason));
      }
    }
  };
  React.useEffect(() => {
    shown.current = requests.current; // what is under way was asked for otherwise
    wanted.current = 1;
    setFound(null);
    setError('');
  }, [open, read]);
  React.useEffect(() => {
    if (open) {
      void load();
    }
  }, [open, read, row]);
  const showMore = () => {
    wanted.current = (found?.rows.length ?? 0) + 1;
    void load();
  };
  return { found, error, showMore };
}

export function LoopRow({ part, row, loop, runs, read, trans }: LoopProps): React.JSX.Element {
  const [open, setOpen] = React.useState(false);
  const { found, error, showMore } = useIterations(part, row, open, read);
  const fold = React.useRef<HTMLButtonElement>(null);
  const close = () => {
    setOpen(false);
    fold.current?.focus();
  };
  const rest = found ? found.total - found.rows.length : 0;
  const next =
    rest > 0
      ? trans._n('Show %1 more iteration', 'Show more iterations (%1 left)', rest, rest)
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
                onClick={() => (found && rest === 0 ? close() : showMore())}
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
