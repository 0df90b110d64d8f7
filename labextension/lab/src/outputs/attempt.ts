/** One attempt of a step: whose log, displays and values are shown. */

import { LogQuery, LogSource, MOST_LINES } from '@kfnb/core/log/log-view';
import { DisplayedOutput, LogChunk, LogMatches, StepValues, ValuePage } from '@kfnb/core/wire/api-types';
import { RestClient } from '../server/rest-client';
import { saveFile } from '../common/save-file';

/** Whether a value is one that the step received, or one that it left. */
export type Way = 'inputs' | 'outputs';

export class Attempt implements LogSource {
  /** `number` 0 is the last attempt. `isActive` says whether the run still goes on; `most` is how many lines of the log are held. */
  constructor(
    readonly client: RestClient,
    readonly run: string,
    readonly path: string,
    readonly number: number,
    private readonly _isActive: () => boolean,
    readonly most = MOST_LINES
  ) {}

  get active(): boolean {
    return this._isActive();
  }

  log(query: LogQuery): Promise<LogChunk> {
    return this.client.log(this.run, this.path, query, this.number);
  }

  matches(text: string): Promise<LogMatches> {
    return this.client.logMatches(this.run, this.path, text, this.number);
  }

  async displays(): Promise<DisplayedOutput[]> {
    return (await this.client.displayedOutputs(this.run, this.path, this.number)).outputs;
  }

  /** The HTML of other rows of a large table, and which rows these are. */
  displayPage(display: number, start: number) {
    return this.client.displayPage(this.run, this.path, display, start, this.number);
  }

  values(): Promise<StepValues> {
    return this.client.values(this.run, this.path);
  }

  /** One value as a browser shows it; of a table the rows from `start` on. */
  value(name: string, way: Way, start: number): Promise<ValuePage> {
    return this.client.value(this.run, this.path, name, way, start);
  }

  /** Saves a value as a file of the user's, in the usual format for it. */
  async download(name: string, way: Way): Promise<void> {
    saveFile(await this.client.valueFile(this.run, this.path, name, way));
  }
}
