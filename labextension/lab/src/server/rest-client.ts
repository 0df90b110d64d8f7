/** The client of the server extension's REST interface: one method per endpoint. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { ISignal, Signal } from '@lumino/signaling';

import {
  AddedTarget,
  CellSteps,
  ClusterChoice,
  Clusters,
  ComparedIterations,
  Comparison,
  DeletedRuns,
  Experiment,
  Explanation,
  Graph,
  ListedRun,
  LogChunk,
  LogMatches,
  TablePage,
  DisplayedOutput,
  ProbeLine,
  RunDetails,
  Problem,
  Schedule,
  ScheduleRequest,
  Schedules,
  ScheduleTimes,
  TrustProposal,
  NotebookRequest,
  RunChoices,
  Snapshot,
  Submission,
  Targets,
  TargetProposal,
  TravellingFile,
  StepValues,
  ValuePage
} from '@kfnb/core/wire/api-types';
import { LogQuery } from '@kfnb/core/log/log-view';
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

/** A file, and the name that the server gives it. */
export interface NamedFile {
  file: Blob;
  filename: string;
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
  name?: string;
  priority?: number;
}

/** Which of all runs are wanted. What is null or empty does not matter. */
export interface RunQuery {
  state: string[];
  /** Where a notebook was on the server's disk, as runs have it. */
  notebook_file: string | null;
  target: string | null;
  experiment: string | null;
  tag: string | null;
  text: string;
  since: number | null;
  until: number | null;
  /** Such as `created`, or `-created` for the newest first. */
  order: string;
  start: number;
  count: number;
}

/** Which runs of one notebook are wanted: by its path in the file browser, and the id in its metadata. */
export type NotebookRuns = { notebook: string; notebook_id: string | null } & Partial<RunQuery>;

export class RestClient {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** The version of the server extension, and the folder of its package. */
  status(): Promise<{ version: string; folder: string }> {
    return this._request('GET', '');
  }

  /** What a notebook becomes. In its graph one box is drawn for each folded frame. */
  compile(sent: NotebookRequest, folded: string[] = []): Promise<Explanation> {
    return this._request('POST', 'compile', { ...sent, folded });
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

  /** The newest runs of a notebook. `id` is the one in its metadata, by which it keeps its runs when it is moved. */
  runs(path: string, id: string | null, count: number): Promise<{ runs: ListedRun[] }> {
    const query = { notebook: path, ...(id === null ? {} : { notebook_id: id }), count };
    return this._request('GET', `runs${URLExt.objectToQueryString(query)}`);
  }

  /** A page of all runs, and how many there are on all pages. */
  findRuns(query: RunQuery | NotebookRuns): Promise<{ runs: ListedRun[]; total: number }> {
    return this._request('GET', `runs?${queryText(query)}`);
  }

  /** What runs can be told apart by. */
  runChoices(): Promise<RunChoices> {
    return this._request('GET', 'runs/choices');
  }

  /** Sets the tags of a run, its note, or both. */
  labelRun(id: string, labels: { tags?: string[]; note?: string }): Promise<Snapshot> {
    return this._request('PATCH', `runs/${id}`, labels);
  }

  /** The groups of runs, the one with the newest run first. */
  async experiments(): Promise<Experiment[]> {
    const found = await this._request<{ experiments: Experiment[] }>('GET', 'experiments');
    return found.experiments;
  }

  /** What is the same and what differs between two to ten runs. */
  /** A page of the iterations of a loop in compared runs. */
  compareIterations(
    runs: string[],
    asked: { step: string; part: string; output: string; all: boolean; start: number }
  ): Promise<ComparedIterations> {
    const query = { ...asked, all: String(asked.all), start: String(asked.start), runs: runs.join(',') };
    return this._request('GET', `comparison/iterations${URLExt.objectToQueryString(query)}`);
  }

  compareRuns(runs: string[]): Promise<Comparison> {
    return this._request('GET', `comparison?runs=${runs.join(',')}`);
  }

  /** Deletes those of the runs that have ended. */
  deleteRuns(runs: string[]): Promise<DeletedRuns> {
    return this._request('POST', 'runs/delete', { runs });
  }

  /** The number of runs that have not ended. */
  async running(): Promise<number> {
    const found = await this._request<{ total: number }>('GET', 'runs?state=pending&state=running&count=1');
    return found.total;
  }

  /** Starts a run; `problems` are warnings about it. */
  start(sent: NotebookRequest, options: StartOptions): Promise<Snapshot & { problems: Problem[] }> {
    return this._request('POST', 'runs', { ...sent, ...options });
  }

  run(id: string): Promise<Snapshot> {
    return this._request('GET', `runs/${id}`);
  }

  /** The graph of a run; of each folded frame one box is drawn. */
  graph(id: string, folded: string[] = []): Promise<{ graph: Graph; cells: CellSteps[] }> {
    const query = folded.map(frame => `folded=${encodeURIComponent(frame)}`).join('&');
    return this._request('GET', `runs/${id}/graph${query && `?${query}`}`);
  }

  /** The attempts and settings of a run's steps, and where they ran. */
  runDetails(id: string): Promise<RunDetails> {
    return this._request('GET', `runs/${id}/details`);
  }

  /** The code of a run's cells by their ids, as it was when the run was started or last retried. */
  sources(id: string): Promise<{ sources: Record<string, string> }> {
    return this._request('GET', `runs/${id}/sources`);
  }

  /** Deletes a run that has ended. */
  delete(id: string): Promise<{ runs: string[]; bytes: number }> {
    return this._request('DELETE', `runs/${id}`);
  }

  cancel(id: string): Promise<Snapshot & { cancelling: boolean }> {
    return this._request('POST', `runs/${id}/cancel`, {});
  }

  retry(id: string, sent: NotebookRequest | null, step: string | null): Promise<Snapshot> {
    return this._request('POST', `runs/${id}/retry`, { ...sent, step });
  }

  /** A part of a log. In this and the next methods `attempt` 0 is the last attempt of the step. */
  log(id: string, path: string, query: LogQuery, attempt: number): Promise<LogChunk> {
    return this._ofStep(id, path, 'log', { ...query, attempt });
  }

  /** Where a text is in a whole log. */
  logMatches(id: string, path: string, text: string, attempt: number): Promise<LogMatches> {
    return this._ofStep(id, path, 'log/matches', { text, attempt });
  }

  displayedOutputs(id: string, path: string, attempt: number): Promise<{ outputs: DisplayedOutput[] }> {
    return this._ofStep(id, path, 'display', { attempt });
  }

  /** Other rows of a large table that was displayed. */
  displayPage(
    id: string,
    path: string,
    display: number,
    start: number,
    attempt: number
  ): Promise<TablePage & { html: string }> {
    return this._ofStep(id, path, `display/${display}`, { start, attempt });
  }

  values(id: string, path: string): Promise<StepValues> {
    return this._request('GET', `runs/${id}/steps/${encodeURIComponent(path)}/values`);
  }

  /** A value of a step as a browser shows it. `way` is `inputs` or `outputs`. */
  value(id: string, path: string, name: string, way: string, start: number): Promise<ValuePage> {
    return this._ofStep(id, path, `values/${encodeURIComponent(name)}`, { way, start, attempt: 0 });
  }

  /** A value of a step as a file. */
  valueFile(id: string, path: string, name: string, way: string): Promise<NamedFile> {
    const address = `runs/${id}/steps/${encodeURIComponent(path)}/values/${encodeURIComponent(name)}/file`;
    return this._file(`${address}${URLExt.objectToQueryString({ way })}`, name);
  }

  /** The report of a run: a page, or the executed notebook. */
  report(id: string, form: 'html' | 'ipynb'): Promise<NamedFile> {
    return this._file(`runs/${id}/report${URLExt.objectToQueryString({ form })}`, `${id}.${form}`);
  }

  /** What was submitted to the cluster of a run. */
  runManifest(id: string): Promise<{ text: string }> {
    return this._request('GET', `runs/${id}/manifest`);
  }

  /** Emitted when a schedule was made, changed or deleted on this page. */
  get schedulesChanged(): ISignal<this, void> {
    return this._schedulesChanged;
  }

  /** The schedules of this machine, and of the targets of a notebook. */
  schedules(path: string): Promise<Schedules> {
    return this._request('GET', `schedules${URLExt.objectToQueryString({ notebook: path })}`);
  }

  schedule(target: string, id: string, path: string): Promise<Schedule> {
    return this._request('GET', schedulePath(target, id, '', path));
  }

  /** An expression in words, with its next times. */
  scheduleTimes(cron: string, zone: string): Promise<ScheduleTimes> {
    return this._request('GET', `schedule-times${URLExt.objectToQueryString({ cron, zone })}`);
  }

  addSchedule(request: ScheduleRequest): Promise<Schedule> {
    return this._changingSchedules(this._request('POST', 'schedules', request));
  }

  actOnSchedule(target: string, id: string, action: 'pause' | 'resume' | 'run', path: string): Promise<Schedule> {
    return this._changingSchedules(this._request('POST', schedulePath(target, id, `/${action}`, path), {}));
  }

  deleteSchedule(target: string, id: string, path: string): Promise<{ deleted: boolean }> {
    return this._changingSchedules(this._request('DELETE', schedulePath(target, id, '', path)));
  }

  private _ofStep<T>(
    id: string,
    path: string,
    part: string,
    query: { attempt: number } & Record<string, unknown>
  ): Promise<T> {
    const { attempt, ...rest } = query;
    const given = attempt ? query : rest;
    const address = `runs/${id}/steps/${encodeURIComponent(path)}/${part}`;
    return this._request('GET', `${address}${URLExt.objectToQueryString(given as Record<string, string>)}`);
  }

  private async _file(path: string, fallback: string): Promise<NamedFile> {
    const response = await this._respond('GET', path);
    const filename = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1];
    return { file: await response.blob(), filename: filename ?? fallback };
  }

  /** The address of the websocket. */
  get streamUrl(): string {
    const { wsUrl, appendToken, token } = this.settings;
    const url = URLExt.join(wsUrl, API_PATH, 'stream');
    return appendToken && token ? `${url}?token=${encodeURIComponent(token)}` : url;
  }

  private async _changingSchedules<T>(request: Promise<T>): Promise<T> {
    const answer = await request;
    this._schedulesChanged.emit();
    return answer;
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

  private readonly _schedulesChanged = new Signal<this, void>(this);
}

/** A query without what is empty; several states are named one by one. */
function queryText(query: Partial<RunQuery>): string {
  const texts = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map(one => [name, String(one ?? '')] as [string, string])
  );
  return new URLSearchParams(texts.filter(([, text]) => text !== '')).toString();
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

/** The path of a schedule, or of an action on it; `path` is the notebook whose targets count. */
function schedulePath(target: string, id: string, action: string, path: string): string {
  const names = `${encodeURIComponent(target)}/${encodeURIComponent(id)}`;
  return `schedules/${names}${action}${URLExt.objectToQueryString({ notebook: path })}`;
}
