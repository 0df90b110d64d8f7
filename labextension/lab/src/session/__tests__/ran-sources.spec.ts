import { Signal } from '@lumino/signaling';
import { expect, test } from 'vitest';

import { Snapshot } from '@kfnb/core/wire/api-types';
import { RestClient } from '../../server/rest-client';
import { RanSources } from '../ran-sources';
import { ShownRun } from '../shown-run';

/** A run that is shown, and a server whose record says which code its cells had. */
class Shown {
  readonly changed = new Signal<this, void>(this);
  snapshot: Snapshot | null = null;
  source = 'old';
  readonly client = { sources: () => Promise.resolve({ sources: { cell: this.source } }) };

  async show(state: string, finished: number | null): Promise<void> {
    this.snapshot = { run: { run: 'r', state, finished } } as Snapshot;
    this.changed.emit();
    await Promise.resolve();
    await Promise.resolve();
  }
}

test('the code of a retry counts, also of one that was over before it was seen to go on', async () => {
  const shown = new Shown();
  const sources = new RanSources(shown.client as unknown as RestClient, shown as unknown as ShownRun);
  await shown.show('failed', 1);
  await expect.poll(() => sources.isChanged('cell', 'mended')).toBe(true);
  shown.source = 'mended';
  await shown.show('succeeded', 2);
  await expect.poll(() => sources.isChanged('cell', 'mended')).toBe(false);
});
