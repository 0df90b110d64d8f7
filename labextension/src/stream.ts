/** Changes of the runs that are watched: through the websocket, and by asking again and again while there is none. */

import { Poll } from '@lumino/polling';
import { ISignal, Signal } from '@lumino/signaling';

import { Api } from './api';
import { Message } from './wire';

const FIRST_PAUSE = 250; // milliseconds before the socket is opened again, twice as long each time
const LONGEST_PAUSE = 10_000;
const ASK_EVERY = 2_000;

export class Stream {
  constructor(private readonly _api: Api) {
    this._poll = new Poll({
      factory: () => this._ask(),
      frequency: { interval: ASK_EVERY, backoff: true, max: LONGEST_PAUSE },
      standby: 'when-hidden',
      auto: false
    });
  }

  get message(): ISignal<this, Message> {
    return this._message;
  }

  /** Be connected before there is anything to watch: a run's first changes come while a connection is still being made. */
  open(): void {
    if (!this._opened) {
      this._opened = true;
      this._connect();
    }
  }

  /** Watch a run, until `leave` was called as often. */
  join(run: string): void {
    this._watched.set(run, (this._watched.get(run) ?? 0) + 1);
    this._tell();
  }

  leave(run: string): void {
    const count = (this._watched.get(run) ?? 0) - 1;
    if (count > 0) {
      this._watched.set(run, count);
    } else {
      this._watched.delete(run);
    }
    this._tell();
  }

  private _tell(): void {
    this.open();
    if (this._socket?.readyState === WebSocket.OPEN) {
      this._socket.send(JSON.stringify({ watch: [...this._watched.keys()] }));
    }
  }

  private _connect(): void {
    const socket = new this._api.settings.WebSocket(this._api.stream);
    this._socket = socket;
    socket.onopen = () => {
      this._pause = FIRST_PAUSE;
      void this._poll.stop();
      this._tell();
    };
    socket.onmessage = event => this._message.emit(JSON.parse(event.data as string) as Message);
    socket.onclose = () => {
      this._socket = null;
      this._again();
    };
  }

  private _again(): void {
    void this._poll.start();
    window.setTimeout(() => this._connect(), this._pause);
    this._pause = Math.min(2 * this._pause, LONGEST_PAUSE);
  }

  private async _ask(): Promise<void> {
    for (const run of [...this._watched.keys()]) {
      const found = await this._api.run(run);
      this._message.emit({ type: 'snapshot', id: run, ...found });
    }
  }

  private readonly _poll: Poll;
  private readonly _watched = new Map<string, number>();
  private readonly _message = new Signal<this, Message>(this);
  private _socket: WebSocket | null = null;
  private _opened = false;
  private _pause = FIRST_PAUSE;
}
