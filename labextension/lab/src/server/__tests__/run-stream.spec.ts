import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { RestClient } from '../rest-client';
import { RunStream } from '../run-stream';

/** The server's end of the connection: what the page has sent to it. */
class Connection {
  static sent: string[][] = [];
  readyState = 1;
  onopen: (() => void) | null = null;

  send(text: string): void {
    Connection.sent.push((JSON.parse(text) as { watch: string[] }).watch);
  }
}

describe('RunStream', () => {
  beforeEach(() => {
    vi.stubGlobal('WebSocket', { OPEN: 1 });
    Connection.sent = [];
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it('asks for a snapshot for whoever begins to watch, also where a run is watched already', () => {
    const client = { settings: { WebSocket: Connection }, streamUrl: 'ws://here' };
    const stream = new RunStream(client as unknown as RestClient);
    stream.watch('a');
    stream.watch('b');
    stream.watch('a');
    expect(Connection.sent).toEqual([['a'], ['a', 'b'], ['b'], ['b', 'a']]);
    stream.unwatch('a');
    expect(Connection.sent.pop()).toEqual(['b', 'a']);
    stream.unwatch('a');
    expect(Connection.sent.pop()).toEqual(['b']);
  });
});
