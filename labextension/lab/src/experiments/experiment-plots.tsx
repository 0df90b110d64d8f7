/** The plots of an experiment: parallel coordinates, and a scatter plot over two columns of choice. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { ParallelView } from '@kfnb/core/plots/parallel-view';
import { PlotAxis } from '@kfnb/core/plots/plot-axis';
import { firstAxes, Ranges, RunColumn } from '@kfnb/core/plots/run-columns';
import { runText, ScatterView } from '@kfnb/core/plots/scatter-view';
import { ListedRun } from '@kfnb/core/wire/api-types';

interface PlotsProps {
  runs: ListedRun[];
  columns: RunColumn[];
  axes: ReadonlyMap<string, PlotAxis>;
  ranges: Ranges;
  inside: ReadonlySet<string>;
  marked: string | null;
  onRanges: (ranges: Ranges) => void;
  onMark: (run: string | null) => void;
  onOpen: (run: string) => void;
  trans: TranslationBundle;
}

export function ExperimentPlots(props: PlotsProps): React.JSX.Element | null {
  const { columns, runs, marked, trans } = props;
  const [chosen, choose] = React.useState<ReadonlySet<string> | null>(null);
  const [colorKey, setColor] = React.useState<string | null>(null);
  const first = firstAxes(columns);
  const shown = chosen === null ? first : columns.filter(column => chosen.has(column.key));
  const color = columns.find(one => one.key === colorKey) ?? [...first].reverse().find(one => one.numeric) ?? null;
  const run = runs.find(one => one.run === marked);
  if (runs.length < 2) {
    return null;
  }
  return (
    <section className="kfnb-Experiment-plots" aria-label={trans.__('Plots')}>
      <div className="kfnb-Experiment-choices">
        <ColumnChoice label={trans.__('Colour by')} value={color?.key ?? ''} columns={columns} onChoose={setColor} />
        <details>
          <summary>{trans.__('Axes')}</summary>
          <fieldset>
            <legend>{trans.__('Axes of the parallel coordinates')}</legend>
            {columns.map(column => (
              <label key={column.key}>
                <input
                  type="checkbox"
                  checked={shown.includes(column)}
                  onChange={event => {
                    const others = shown.map(one => one.key).filter(key => key !== column.key);
                    choose(new Set(event.target.checked ? [...others, column.key] : others));
                  }}
                />
                {column.label}
              </label>
            ))}
          </fieldset>
        </details>
      </div>
      <div className="kfnb-Experiment-columns">
        <div>
          <Parallel {...props} columns={shown} color={color} />
          <p className="kfnb-Experiment-hint">
            {trans.__(
              'Drag along an axis, or move the arrows at its ends with the arrow keys, to choose a part of the runs.'
            )}
          </p>
        </div>
        <div>
          <Scatter {...props} first={first} color={color} />
        </div>
      </div>
      <p className="kfnb-Experiment-marked" aria-live="polite">
        {run ? runText(run, shown, trans) : '\u00a0'}
      </p>
    </section>
  );
}

function Parallel(props: PlotsProps & { color: RunColumn | null }): React.JSX.Element {
  const { onRanges, onMark, color, trans } = props;
  const view = React.useMemo(() => new ParallelView(trans, onRanges, onMark), [trans, onRanges, onMark]);
  const [place, width] = usePlot(view.node);
  React.useLayoutEffect(() => {
    if (width > 0) {
      view.show({ ...props, color: color?.key ?? null }, width);
    }
  });
  return <div ref={place} className="kfnb-Experiment-plot" />;
}

function Scatter(props: PlotsProps & { first: RunColumn[]; color: RunColumn | null }): React.JSX.Element {
  const { columns, first, onMark, onOpen, trans } = props;
  const [keys, setKeys] = React.useState({ x: '', y: '' });
  const view = React.useMemo(() => new ScatterView(trans, onMark, onOpen), [trans, onMark, onOpen]);
  const [place, width] = usePlot(view.node);
  const x = columns.find(one => one.key === keys.x) ?? first[0] ?? columns[0];
  const y =
    columns.find(one => one.key === keys.y) ??
    first.find(one => one.kind !== 'parameter') ??
    columns[columns.length - 1];
  React.useLayoutEffect(() => {
    if (width > 0) {
      view.show({ ...props, x, y }, width);
    }
  });
  return (
    <>
      <div className="kfnb-Experiment-choices">
        <ColumnChoice
          label={trans.__('Across')}
          value={x.key}
          columns={columns}
          onChoose={key => setKeys({ ...keys, x: key })}
        />
        <ColumnChoice
          label={trans.__('Up')}
          value={y.key}
          columns={columns}
          onChoose={key => setKeys({ ...keys, y: key })}
        />
      </div>
      <div ref={place} className="kfnb-Experiment-plot" />
    </>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  columns: RunColumn[];
  onChoose: (key: string) => void;
}

function ColumnChoice({ label, value, columns, onChoose }: ChoiceProps): React.JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={event => onChoose(event.target.value)}>
        {columns.map(column => (
          <option key={column.key} value={column.key}>
            {column.label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Puts a plot into an element, and tells how wide that is; 0 as long as nobody knows. */
function usePlot(node: SVGElement): [React.RefObject<HTMLDivElement>, number] {
  const place = React.useRef<HTMLDivElement>(null);
  const [width, setWidth] = React.useState(0);
  React.useLayoutEffect(() => {
    const parent = place.current!;
    parent.replaceChildren(node);
    const observer = new ResizeObserver(() => setWidth(parent.clientWidth));
    observer.observe(parent);
    return () => observer.disconnect();
  }, [node]);
  return [place, width];
}
