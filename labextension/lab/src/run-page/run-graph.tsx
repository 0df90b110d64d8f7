/** The graph of a run, live. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { Graph } from '@kfnb/core/wire/api-types';
import { FoldableGraph } from '../graph/foldable-graph';
import { FollowedRun } from '../session/followed-run';

interface GraphProps {
  source: FollowedRun;
  graph: Graph;
  chosen: string | null;
  onStep: (step: string) => void;
  trans: TranslationBundle;
}

export function RunGraph({ source, graph, chosen, onStep, trans }: GraphProps): React.JSX.Element {
  const run = source.run?.run.run ?? '';
  const fold = React.useCallback(
    async (folded: string[]) => (await source.client.graph(run, folded)).graph,
    [source, run]
  );
  return (
    <section className="kfnb-RunPage-graph" aria-label={trans.__('Graph of the run')}>
      <FoldableGraph
        graph={graph}
        fold={fold}
        progress={step => source.progress(step)}
        percent={step => source.lastLine(step)?.percent ?? null}
        chosen={chosen}
        shape="window"
        onStep={onStep}
        trans={trans}
      />
    </section>
  );
}
