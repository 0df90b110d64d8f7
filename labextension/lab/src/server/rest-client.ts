/** The client of the server extension's REST interface: one method per endpoint. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import {
  AddedTarget,
  CellSteps,
  ClusterChoice,
  Clusters,
  Explanation,
  Graph,
  ListedRun,
  LogChunk,
  DisplayedOutput,
  ProbeLine,
  Problem,
  TrustProposal,
  NotebookRequest,
  Snapshot,
  Submission,
  Targets,
  TargetProposal,
  TravellingFile,
  StepValues
} from '@kfnb/core/wire/api-types';
import { readJsonLines } from '@kfnb/core/wire/read-json-lines';

const API_PATH = 'kfnb/api/v1';

/** The server refused a request. The message is the server's; `problems` are those of the notebook, if it is the cause. */
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
  containers?: boolean;
  experiment?: string;
}

export class RestClient {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** The version of the server extension, and the folder of its package. */
  status(): Promise<{ version: string; folder: string }> {
    return this._request('GET', '');
  }

  compile(sent: NotebookRequest): Promise<Explanation> {
    return this._request('POST', 'compile', sent);
  }

  manifest(sent: NotebookRequest, engine: string): Promise<{ text: string; files: TravellingFile[] }> {
    return this._request('POST', 'manifest', { ...sent, engine });
  }

  /** What a run would be. Nothing is started. */
  submission(sent: NotebookRequest, options: StartOptions): Promise<Submission> {
    return this._request('POST', 'submission', { ...sent, ...options });
  }

  targets(path: string): Promise<Targets> {
    return this._request('GET', `targets${URLExt.objectToQueryString({ notebook: path })}`);
  }

  /** The contexts of the user's kubeconfig. */
  clusters(): Promise<Clusters> {
    return this._request('GET', 'clusters');
  }

  /** Looks at a cluster. Nothing is changed there, and nothing is written. */
  propose(choice: ClusterChoice): Promise<TargetProposal> {
    return this._request('POST', 'targets/proposal', choice);
  }

  /** Runs a few small steps on a cluster, until they have ended or the signal aborts them. */
  async probe(choice: ClusterChoice, onLine: (line: ProbeLine) => void, signal: AbortSignal): Promise<void> {
    const response = await this._respond('POST', 'targets/probe', choice, signal);
    await readJsonLines(response, onLine);
  }

  /** Writes a target with the settings of a proposal into the user's configuration. */
  addTarget(choice: ClusterChoice, settings: object, replace: boolean): Promise<AddedTarget> {
    return this._request('POST', 'targets', { ...choice, settings, replace });
  }

  /** The configuration files beside a notebook, and the access that they request. */
  proposals(path: string): Promise<{ files: TrustProposal[] }> {
    return this._request('GET', `trust${URLExt.objectToQueryString({ notebook: path })}`);
  }

  /** Trusts a file whose content has this fingerprint. */
  trust(path: string, fingerprint: string): Promise<{ files: TrustProposal[] }> {
    return this._request('POST', 'trust', { path, fingerprint });
  }

  runs(path: string, count: number): Promise<{ runs: ListedRun[] }> {
    return this._request('GET', `runs${URLExt.objectToQueryString({ notebook: path, count })}`);
  }

  /** Starts a run; `problems` are warnings about it. */
  start(sent: NotebookRequest, options: StartOptions): Promise<Snapshot & { problems: Problem[] }> {
    return this._request('POST', 'runs', { ...sent, ...options });
  }

  run(id: string): Promise<Snapshot> {
    return this._request('GET', `runs/${id}`);
  }

  graph(id: string): Promise<{ graph: Graph; cells: CellSteps[] }> {
    return this._request('GET', `runs/${id}/graph`);
  }

  /** Deletes a run that has ended. */
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
    const response = await this._respond(method, path, body);
    return (await response.json()) as T;
  }

  private async _respond(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, API_PATH, path);
    const init: RequestInit = { method, signal, ...(body ? { body: JSON.stringify(body) } : {}) };
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    if (!response.ok) {
      throw refusal(response, await response.text());
    }
    return response;
  }
}

function refusal(response: Response, text: string): RefusedError {
  let body: { message?: string; problems?: Problem[] } = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    // the answer is the page of a proxy, not JSON of the server
  }
  return new RefusedError(body.message ?? response.statusText, response.status, body.problems ?? []);
}
