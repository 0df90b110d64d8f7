/** The changes of watched runs, from the websocket or, while it is not connected, from polling. */

import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { RefusedError, RestClient } from './rest-client';
import { StreamMessage } from '@kfnb/core/wire/api-types';

const INITIAL_RECONNECT_DELAY = 250; // milliseconds; doubles with each failed attempt
const MAX_RECONNECT_DELAY = 10_000;
const POLL_INTERVAL = 2_000;
const PROXY_ERRORS = [502, 503, 504]; // what a proxy answers in place of a server that is gone

export class RunStream {
  constructor(private readonly _client: RestClient) {
    this._poll = new Poll({
      factory: () => this._pollWatched(),
      frequency: { interval: POLL_INTERVAL, backoff: true, max: MAX_RECONNECT_DELAY },
      standby: 'when-hidden',
      auto: false
    });
  }

  get message(): ISignal<this, StreamMessage> {
    return this._message;
  }

  /** Since when the server does not answer, in seconds since 1970; null while it does. */
  get silentSince(): number | null {
    return this._silentSince;
  }

  get silenceChanged(): ISignal<this, void> {
    return this._silenceChanged;
  }

  /** Connects ahead of the first run: otherwise its first changes would be over before the connection stands. */
  open(): void {
    if (!this._opened) {
      this._opened = true;
      this._connect();
    }
  }

  /**
   * Watches a run until `unwatch` has been called as often as `watch`. A snapshot comes first, also where others watch
   * the run already: what has happened since the caller asked for the run would be missing for good.
   */
  watch(run: string): void {
    const count = this._watched.get(run) ?? 0;
    if (count > 0) {
      this._watched.delete(run); // the server sends a snapshot of what is new to it
      this._sendWatched();
    }
    this._watched.set(run, count + 1);
    this._sendWatched();
  }

  unwatch(run: string): void {
    const count = (this._watched.get(run) ?? 0) - 1;
    if (count > 0) {
      this._watched.set(run, count);
    } else {
      this._watched.delete(run);
    }
    this._sendWatched();
  }

  private _sendWatched(): void {
    this.open();
    if (this._socket?.readyState === WebSocket.OPEN) {
      this._socket.send(JSON.stringify({ watch: [...this._watched.keys()] }));
    }
  }

  private _connect(): void {
    const socket = new this._client.settings.WebSocket(this._client.streamUrl);
    this._socket = socket;
    socket.onopen = () => {
      this._reconnectDelay = INITIAL_RECONNECT_DELAY;
      void this._poll.stop();
      this._setSilent(false);
      this._sendWatched();
    };
    socket.onmessage = event => this._message.emit(JSON.parse(event.data as string) as StreamMessage);
    socket.onclose = () => {
      this._socket = null;
      this._reconnectLater();
    };
  }

  private _reconnectLater(): void {
    void this._poll.start();
    window.setTimeout(() => this._connect(), this._reconnectDelay);
    this._reconnectDelay = Math.min(2 * this._reconnectDelay, MAX_RECONNECT_DELAY);
  }

  private async _pollWatched(): Promise<void> {
    try {
      await this._client.status();
      this._setSilent(false);
    } catch (error) {
      this._setSilent(!(error instanceof RefusedError) || PROXY_ERRORS.includes(error.status));
      throw error;
    }
    for (const run of [...this._watched.keys()]) {
      const snapshot = await this._client.run(run);
      this._message.emit({ type: 'snapshot', id: run, ...snapshot });
    }
  }

  private _setSilent(silent: boolean): void {
    if (silent !== (this._silentSince !== null)) {
      this._silentSince = silent ? Date.now() / 1000 : null;
      this._silenceChanged.emit();
    }
  }

  private readonly _poll: Poll;
  private readonly _watched = new Map<string, number>();
  private _silentSince: number | null = null;
  private readonly _silenceChanged = new Signal<this, void>(this);
  private readonly _message = new Signal<this, StreamMessage>(this);
  private _socket: WebSocket | null = null;
  private _opened = false;
  private _reconnectDelay = INITIAL_RECONNECT_DELAY;
}
