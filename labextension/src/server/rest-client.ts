/** The server extension's REST interface, one function per endpoint. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import {
  CellSteps,
  Explanation,
  Graph,
  ListedRun,
  LogChunk,
  DisplayedOutput,
  Problem,
  TrustProposal,
  NotebookRequest,
  Snapshot,
  TargetInfo,
  TravellingFile,
  StepValues
} from './api-types';

const API_PATH = 'kfnb/api/v1';

/** What the server refused, in its words; `problems` when the notebook is at fault. */
export class RefusedError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly problems: Problem[]
  ) {
    super(message);
  }
}

export interface StartOptions {
  target?: string;
  parameters?: Record<string, string>;
  only?: string;
  start?: string;
  cache?: boolean;
  any_parameters?: boolean;
}

export class RestClient {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** The version of the server's half, and the folder it lies in. */
  status(): Promise<{ version: string; folder: string }> {
    return this._request('GET', '');
  }

  compile(sent: NotebookRequest): Promise<Explanation> {
    return this._request('POST', 'compile', sent);
  }

  manifest(sent: NotebookRequest, engine: string): Promise<{ text: string; files: TravellingFile[] }> {
    return this._request('POST', 'manifest', { ...sent, engine });
  }

  targets(path: string): Promise<{ targets: TargetInfo[] }> {
    return this._request('GET', `targets${URLExt.objectToQueryString({ notebook: path })}`);
  }

  /** The files beside a notebook that say whom to talk to, and what they ask for. */
  proposals(path: string): Promise<{ files: TrustProposal[] }> {
    return this._request('GET', `trust${URLExt.objectToQueryString({ notebook: path })}`);
  }

  /** Trust a file as it was shown. */
  trust(path: string, fingerprint: string): Promise<{ files: TrustProposal[] }> {
    return this._request('POST', 'trust', { path, fingerprint });
  }

  runs(path: string, count: number): Promise<{ runs: ListedRun[] }> {
    return this._request('GET', `runs${URLExt.objectToQueryString({ notebook: path, count })}`);
  }

  /** Begin a run; `problems`: what the user should know of it. */
  start(sent: NotebookRequest, options: StartOptions): Promise<Snapshot & { problems: Problem[] }> {
    return this._request('POST', 'runs', { ...sent, ...options });
  }

  run(id: string): Promise<Snapshot> {
    return this._request('GET', `runs/${id}`);
  }

  graph(id: string): Promise<{ graph: Graph; cells: CellSteps[] }> {
    return this._request('GET', `runs/${id}/graph`);
  }

  /** Delete a run that has ended. */
  delete(id: string): Promise<{ runs: string[]; bytes: number }> {
    return this._request('DELETE', `runs/${id}`);
  }

  cancel(id: string): Promise<Snapshot & { cancelling: boolean }> {
    return this._request('POST', `runs/${id}/cancel`, {});
  }

  retry(id: string, sent: NotebookRequest, step: string | null): Promise<Snapshot> {
    return this._request('POST', `runs/${id}/retry`, { ...sent, step });
  }

  log(id: string, path: string, start: number, attempt?: number): Promise<LogChunk> {
    const query = { start, ...(attempt ? { attempt } : {}) };
    return this._request('GET', `runs/${id}/steps/${encodeURIComponent(path)}/log${URLExt.objectToQueryString(query)}`);
  }

  displayedOutputs(id: string, path: string): Promise<{ outputs: DisplayedOutput[] }> {
    return this._request('GET', `runs/${id}/steps/${encodeURIComponent(path)}/display`);
  }

  values(id: string, path: string): Promise<StepValues> {
    return this._request('GET', `runs/${id}/steps/${encodeURIComponent(path)}/values`);
  }

  /** The address of the websocket. */
  get streamUrl(): string {
    const { wsUrl, appendToken, token } = this.settings;
    const url = URLExt.join(wsUrl, API_PATH, 'stream');
    return appendToken && token ? `${url}?token=${encodeURIComponent(token)}` : url;
  }

  private async _request<T>(method: string, path: string, body?: object): Promise<T> {
    const url = URLExt.join(this.settings.baseUrl, API_PATH, path);
    const init: RequestInit = { method, ...(body ? { body: JSON.stringify(body) } : {}) };
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    const text = await response.text();
    if (response.ok) {
      return JSON.parse(text) as T;
    }
    throw refusal(response, text);
  }
}

function refusal(response: Response, text: string): RefusedError {
  let body: { message?: string; problems?: Problem[] } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // a proxy's page, not the server's words
  }
  return new RefusedError(body.message ?? response.statusText, response.status, body.problems ?? []);
}
