/** The server of the stories: it answers each request with a fixture, so that a view asks as it does in JupyterLab. */

import { ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import { Problem } from '@kfnb/core/wire/api-types';
import { DEFAULTS } from '../../lab/src/preferences/preferences-plugin';
import { RestClient } from '../../lab/src/server/rest-client';
import { RunStream } from '../../lab/src/server/run-stream';
import { FollowedRun } from '../../lab/src/session/followed-run';
import { ISessions } from '../../lab/src/session/sessions-plugin';

const API = '/kfnb/api/v1/';

/** The answers by method and path: `GET runs/a1`. One that is missing never comes: the view goes on waiting. */
export type Answers = Record<string, unknown>;

/** An answer that refuses the request, with what is wrong and what to do. */
export class Refusal {
  constructor(
    readonly message: string,
    readonly problems: Problem[] = []
  ) {}
}

export function storyClient(answers: Answers): RestClient {
  const fetch = (request: RequestInfo | URL) => {
    const { method, url } = request as Request;
    const path = decodeURIComponent(new URL(url).pathname.split(API)[1] ?? '');
    const key = `${method} ${path}`;
    return key in answers ? Promise.resolve(respond(answers[key])) : new Promise<Response>(() => undefined);
  };
  return new RestClient(ServerConnection.makeSettings({ baseUrl: location.origin, fetch }));
}

function respond(answer: unknown): Response {
  const isRefused = answer instanceof Refusal;
  return new Response(JSON.stringify(answer), { status: isRefused ? 422 : 200 });
}

/** A stream on which nothing ever comes. */
export function silentStream(): RunStream {
  const stream = {
    message: new Signal<object, never>({}),
    silenceChanged: new Signal<object, void>({}),
    silentSince: null,
    open: () => undefined,
    watch: () => undefined,
    unwatch: () => undefined
  };
  return stream as unknown as RunStream;
}

/** The sessions of a JupyterLab in which no notebook is open. */
export function storySessions(client: RestClient): ISessions {
  const stream = silentStream();
  return {
    client,
    stream,
    current: null,
    currentChanged: new Signal<ISessions, null>({} as ISessions),
    of: () => {
      throw new Error('a story has no notebooks');
    },
    follow: labels => new FollowedRun(client, stream, labels, () => DEFAULTS)
  };
}
