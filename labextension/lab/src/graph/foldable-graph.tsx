/** A graph whose frames can be folded. The server lays it out anew for each choice of folds. */

import * as React from 'react';

import { errorText } from '@kfnb/core/format';
import { Graph } from '@kfnb/core/wire/api-types';
import { PipelineGraph, PipelineGraphProps } from './pipeline-graph';

interface FoldableGraphProps extends Omit<PipelineGraphProps, 'onFold'> {
  /** The graph with these frames folded; null while the notebook has errors. */
  fold: (frames: string[]) => Promise<Graph | null>;
}

export function FoldableGraph({ graph, fold, ...rest }: FoldableGraphProps): React.JSX.Element {
  const [folded, setFolded] = React.useState<string[]>([]);
  const [shown, setShown] = React.useState<Graph | null>(null); // null: nothing is folded
  const [trouble, setTrouble] = React.useState('');
  const onFold = React.useCallback(
    (frame: string) =>
      setFolded(before => (before.includes(frame) ? before.filter(one => one !== frame) : [...before, frame])),
    []
  );
  React.useEffect(() => {
    let isWanted = true;
    const show = (answer: Graph | null, problem: string) => {
      if (isWanted) {
        setShown(before => (folded.length ? (answer ?? before) : null));
        setTrouble(problem);
      }
    };
    if (folded.length === 0) {
      show(null, '');
    } else {
      fold(folded).then(
        answer => show(answer, ''),
        (error: unknown) => show(null, errorText(error))
      );
    }
    return () => {
      isWanted = false;
    };
  }, [graph, folded, fold]);
  return (
    <>
      <PipelineGraph graph={shown ?? graph} onFold={onFold} {...rest} />
      {trouble && <p role="alert">{trouble}</p>}
    </>
  );
}
