/** How long something took, or takes so far. */

import * as React from 'react';

import { formatDuration } from '@kfnb/core/format';

const INTERVAL = 1000; // milliseconds between two updates

/** Goes on by itself while there is no `end`. Both times are in seconds since 1970. */
export function Duration({ started, end }: { started: number; end: number | null }): React.JSX.Element {
  const [, tick] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    if (end !== null) {
      return undefined;
    }
    const timer = window.setInterval(tick, INTERVAL);
    return () => window.clearInterval(timer);
  }, [end]);
  return <>{formatDuration((end ?? Date.now() / 1000) - started)}</>;
}
