/** The tab with the report of a run. */

import { MainAreaWidget } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { pipelineIcon } from '../common/pipeline-icon';

/** `html` is shown in a frame in which no script runs and from which nothing of JupyterLab can be reached. */
export function reportPage(run: string, pipeline: string, html: string, trans: TranslationBundle): MainAreaWidget {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', '');
  frame.title = trans.__('Report of %1', pipeline);
  frame.srcdoc = html;
  const content = new Widget();
  content.addClass('kfnb-Report');
  content.node.append(frame);
  const page = new MainAreaWidget({ content });
  page.toolbar.hide();
  page.id = `kfnb-report-${run}`;
  page.title.icon = pipelineIcon;
  page.title.label = frame.title;
  page.title.closable = true;
  return page;
}
