/** The graph of a run, live, with frames that can be folded. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { errorText } from '@kfnb/core/format';
import { Graph } from '@kfnb/core/wire/api-types';
import { PipelineGraph } from '../panel/pipeline-graph';
import { FollowedRun } from '../session/followed-run';

interface GraphProps {
  source: FollowedRun;
  graph: Graph;
  chosen: string | null;
  onStep: (step: string) => void;
  trans: TranslationBundle;
}

export function RunGraph({ source, graph, chosen, onStep, trans }: GraphProps): React.JSX.Element {
  const [shown, setShown] = React.useState(graph);
  const [trouble, setTrouble] = React.useState<string | null>(null);
  const folded = React.useRef(new Set<string>());
  const run = source.run?.run.run ?? '';
  const onFold = React.useCallback(
    (frame: string) => {
      const wanted = new Set(folded.current);
      if (!wanted.delete(frame)) {
        wanted.add(frame);
      }
      source.client.graph(run, [...wanted]).then(
        answer => {
          folded.current = wanted;
          setTrouble(null);
          setShown(answer.graph);
        },
        (error: unknown) => setTrouble(errorText(error))
      );
    },
    [source, run]
  );
  return (
    <section className="kfnb-RunPage-graph" aria-label={trans.__('Graph of the run')}>
      <PipelineGraph
        graph={shown}
        progress={step => source.progress(step)}
        percent={step => source.lastLine(step)?.percent ?? null}
        chosen={chosen}
        shape="window"
        onStep={onStep}
        onFold={onFold}
        trans={trans}
      />
      {trouble && <p role="alert">{trouble}</p>}
    </section>
  );
}
