/** The page of the stories: `?story=log&theme=dark` shows one of them in a theme of JupyterLab. */

import '@jupyterlab/apputils/style/materialcolors.css';
import '@jupyterlab/rendermime/style/base.css';
import '@jupyterlab/ui-components/style/styling.css';
import dark from '@themes/theme-dark-extension/index.css?inline';
import contrast from '@themes/theme-dark-high-contrast-extension/index.css?inline';
import light from '@themes/theme-light-extension/index.css?inline';

import '../../lab/style/index.css';
import '../style.css';
import { STORIES } from './stories';

const THEMES: Record<string, string> = { light, dark, 'high-contrast': contrast };

declare global {
  interface Window {
    /** For tests: the selector of what each story must show, and a change of the story or the theme without a new page. */
    stories: { keys: Record<string, string>; show(story: string): Promise<void>; setTheme(theme: string): void };
  }
}

const place = document.getElementById('story')!;
const colors = document.head.appendChild(document.createElement('style'));

async function show(story: string): Promise<void> {
  place.replaceChildren();
  await STORIES[story].draw(place);
}

function setTheme(theme: string): void {
  colors.textContent = THEMES[theme];
  document.body.dataset.jpThemeName = theme;
  document.body.dataset.jpThemeLight = String(theme === 'light');
}

/** The names of stories or themes as links that keep the other choice. */
function links(choice: 'story' | 'theme', names: string[], query: URLSearchParams): HTMLElement {
  const list = document.createElement('nav');
  list.append(
    ...names.map(name => {
      const link = document.createElement('a');
      link.textContent = name;
      link.href = `?${new URLSearchParams({ ...Object.fromEntries(query), [choice]: name })}`;
      return link;
    })
  );
  return list;
}

const query = new URLSearchParams(location.search);
document
  .querySelector('header')!
  .append(links('story', Object.keys(STORIES), query), links('theme', Object.keys(THEMES), query));
const keys = Object.fromEntries(Object.entries(STORIES).map(([name, { key }]) => [name, key]));
window.stories = { keys, show, setTheme };
setTheme(query.get('theme') ?? 'light');
void show(query.get('story') ?? Object.keys(STORIES)[0]);
