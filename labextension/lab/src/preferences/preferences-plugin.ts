/** The plugin with the user's preferences: where runs go, of what the user is notified. */

import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Token } from '@lumino/coreutils';

import { MOST_LINES } from '@kfnb/core/log/log-view';

const ID = 'kfnb:preferences';

export interface Preferences {
  /** The target of notebooks for which nothing else is selected; an empty text: the one that the notebook names. */
  target: string;
  /** Seconds that a run takes at least if its success is announced. */
  notifyAfter: number;
  /** How many lines of a log the page holds at most. */
  logLines: number;
  /** Whether the browser announces the end of a run while the page is in the background. */
  browserNotifications: boolean;
}

export const DEFAULTS: Preferences = {
  target: '',
  notifyAfter: 10,
  logLines: MOST_LINES,
  browserNotifications: false
};

export interface IPreferences {
  readonly current: Preferences;
}

export const IPreferences = new Token<IPreferences>('kfnb:IPreferences', 'The preferences of the user for pipelines.');

export const preferencesPlugin: JupyterFrontEndPlugin<IPreferences> = {
  id: ID,
  description: 'Keeps the preferences of the user for pipelines.',
  autoStart: true,
  provides: IPreferences,
  optional: [ISettingRegistry],
  activate: (_: JupyterFrontEnd, registry: ISettingRegistry | null): IPreferences => {
    const preferences = { current: DEFAULTS };
    const read = (settings: ISettingRegistry.ISettings) => {
      preferences.current = { ...DEFAULTS, ...(settings.composite as Partial<Preferences>) };
      askForPermission(preferences.current);
    };
    void registry?.load(ID).then(settings => {
      settings.changed.connect(read);
      read(settings);
    });
    return preferences;
  }
};

/** Lets the browser ask whether this page may notify, unless it has been asked already. */
function askForPermission(preferences: Preferences): void {
  if (preferences.browserNotifications && 'Notification' in window && window.Notification.permission === 'default') {
    void window.Notification.requestPermission();
  }
}
