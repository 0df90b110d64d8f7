/** The page of a run in the main area: its graph, its timing, the chosen step, its parameters and environment. */

import { MainAreaWidget, ReactWidget } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import * as React from 'react';

import { errorText, formatStart } from '@kfnb/core/format';
import { boxName } from '@kfnb/core/graph/surroundings';
import { nextFrame } from '@kfnb/core/next-frame';
import { Graph } from '@kfnb/core/wire/api-types';
import { pipelineIcon } from '../common/pipeline-icon';
import { FollowedRun } from '../session/followed-run';
import { ISessions } from '../session/sessions-plugin';
import { PageActions, PageHead } from './page-head';
import { RunDifferences } from './run-differences';
import { RunDocuments } from './run-documents';
import { RunFacts } from './run-facts';
import { RunGraph } from './run-graph';
import { RunTimingChart } from './run-timing-chart';
import { StepInspector } from './step-inspector';
import { useDetails } from './use-details';

/** What the page shows of a run beside its state. */
export interface LoadedRun {
  source: FollowedRun;
  graph: Graph;
}

/** The tab of a run. */
export class RunPage extends MainAreaWidget<RunPageContent> {
  constructor(
    readonly run: string,
    sessions: ISessions,
    rendermime: IRenderMimeRegistry,
    actions: PageActions,
    trans: TranslationBundle
  ) {
    super({ content: new RunPageContent(run, sessions, rendermime, actions, trans) });
    this.toolbar.hide();
    this.id = `kfnb-run-${run}`;
    this.title.icon = pipelineIcon;
    this.title.label = trans.__('Run');
    this.title.caption = trans.__('Run %1', run);
    this.title.closable = true;
    this.content.loaded.connect((_, { source }) => {
      const head = source.run?.run;
      this.title.label = head ? `${head.pipeline} · ${formatStart(head.created)}` : this.title.label;
    });
  }
}

class RunPageContent extends ReactWidget {
  constructor(
    private readonly _run: string,
    private readonly _sessions: ISessions,
    private readonly _rendermime: IRenderMimeRegistry,
    private readonly _actions: PageActions,
    private readonly _trans: TranslationBundle
  ) {
    super();
    this.addClass('kfnb-RunPage');
    this.addClass('kfnb-Controls');
    this.node.dataset.lmSuppressShortcuts = 'true';
    void this._load();
  }

  readonly loaded = new Signal<this, LoadedRun>(this);

  dispose(): void {
    this._shown?.source.dispose();
    super.dispose();
  }

  protected render(): React.JSX.Element {
    if (this._error) {
      return (
        <div className="kfnb-RunPage-error" role="alert">
          <p>{this._error}</p>
          <button type="button" className="jp-mod-styled" onClick={() => void this._load()}>
            {this._trans.__('Try Again')}
          </button>
        </div>
      );
    }
    if (!this._shown) {
      return <p role="status">{this._trans.__('The run is being read …')}</p>;
    }
    return <Page loaded={this._shown} rendermime={this._rendermime} actions={this._actions} trans={this._trans} />;
  }

  private async _load(): Promise<void> {
    this._error = null;
    this.update();
    const { client } = this._sessions;
    try {
      const [run, { graph }] = await Promise.all([client.run(this._run), client.graph(this._run)]);
      if (this.isDisposed) {
        return;
      }
      const source = this._sessions.follow(new Map(graph.boxes.map(box => [box.step, box.label])));
      source.show(run);
      this._shown = { source, graph };
      this.loaded.emit(this._shown);
    } catch (error) {
      this._error = errorText(error);
    }
    this.update();
  }

  private _shown: LoadedRun | null = null;
  private _error: string | null = null;
}

interface PageProps {
  loaded: LoadedRun;
  rendermime: IRenderMimeRegistry;
  actions: PageActions;
  trans: TranslationBundle;
}

function Page({ loaded, rendermime, actions, trans }: PageProps): React.JSX.Element {
  const { source } = loaded;
  const [, redraw] = React.useReducer((count: number) => count + 1, 0);
  const [chosen, choose] = React.useState<string | null>(() => firstFailed(source));
  React.useEffect(() => {
    source.changed.connect(redraw);
    return () => void source.changed.disconnect(redraw);
  }, [source]);
  const isPainted = useIsPainted();
  const details = useDetails(source, source.run?.run.run ?? '', chosen);
  const close = React.useCallback(() => choose(null), []);
  const labels = React.useMemo(
    () => new Map(loaded.graph.boxes.map(box => [box.step, boxName(box, trans)])),
    [loaded, trans]
  );
  const label = React.useCallback((step: string) => labels.get(step) ?? step, [labels]);
  return (
    <>
      <PageHead
        source={source}
        path={details?.path ?? null}
        actions={actions}
        chosen={chosen}
        label={label}
        trans={trans}
      />
      <div className="kfnb-RunPage-body">
        <div className="kfnb-RunPage-main">
          <RunGraph source={source} graph={loaded.graph} chosen={chosen} onStep={choose} trans={trans} />
          {isPainted && (
            <RunTimingChart
              source={source}
              graph={loaded.graph}
              label={label}
              chosen={chosen}
              onStep={choose}
              trans={trans}
            />
          )}
        </div>
        <div className="kfnb-RunPage-side">
          {isPainted && source.run && (
            <>
              <StepInspector
                source={source}
                details={details}
                step={chosen}
                label={label}
                rendermime={rendermime}
                onClose={close}
                trans={trans}
              />
              <RunFacts source={source} details={details} trans={trans} />
              {details && details.path !== null && (
                <RunDifferences
                  run={source.run.run}
                  path={details.path}
                  client={source.client}
                  compare={actions.compare}
                  trans={trans}
                />
              )}
              <RunDocuments run={source.run.run} client={source.client} openReport={actions.openReport} trans={trans} />
            </>
          )}
        </div>
      </div>
    </>
  );
}

/** Whether the browser has shown the page once. What is not the graph waits for that. */
function useIsPainted(): boolean {
  const [isPainted, setPainted] = React.useState(false);
  React.useEffect(() => {
    let isWanted = true;
    nextFrame(() => window.setTimeout(() => isWanted && setPainted(true)));
    return () => {
      isWanted = false;
    };
  }, []);
  return isPainted;
}

/** The step whose failure ended the run. */
function firstFailed(source: FollowedRun): string | null {
  const error = source.run?.run.error;
  return error?.step?.split('[')[0] ?? null;
}
