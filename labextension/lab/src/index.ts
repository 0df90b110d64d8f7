/** The plugins of the extension. */

import { allRunsPlugin } from './all-runs/all-runs-plugin';
import { cellsPlugin } from './cells/cells-plugin';
import { comparisonPlugin } from './comparison/comparison-plugin';
import { experimentsPlugin } from './experiments/experiments-plugin';
import { inspectorPlugin } from './inspector/inspector-plugin';
import { commandsPlugin } from './commands/commands-plugin';
import { marksPlugin } from './marks/marks-plugin';
import { sessionsPlugin } from './session/sessions-plugin';
import { panelPlugin } from './panel/panel-plugin';
import { preferencesPlugin } from './preferences/preferences-plugin';
import { schedulesPlugin } from './schedules/schedules-plugin';
import { runPagePlugin } from './run-page/run-page-plugin';
import { startupPlugin } from './startup/startup-plugin';
import { statusPlugin } from './status/status-plugin';
import { submitPlugin } from './submit/submit-plugin';
import { unmarkedPlugin } from './unmarked/unmarked-plugin';

export default [
  allRunsPlugin,
  comparisonPlugin,
  experimentsPlugin,
  preferencesPlugin,
  sessionsPlugin,
  cellsPlugin,
  commandsPlugin,
  marksPlugin,
  panelPlugin,
  inspectorPlugin,
  startupPlugin,
  submitPlugin,
  unmarkedPlugin,
  schedulesPlugin,
  runPagePlugin,
  statusPlugin
];
