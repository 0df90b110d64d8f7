/** The page of the stories: `?story=log&theme=dark` shows one of them in a theme of JupyterLab. */

import '@jupyterlab/application/style/buttons.css';
import '@jupyterlab/apputils/style/base.css';
import '@jupyterlab/rendermime/style/base.css';
import '@jupyterlab/ui-components/style/base.css';
import '@lumino/widgets/style/index.css';
import dark from '@themes/theme-dark-extension/index.css?inline';
import contrast from '@themes/theme-dark-high-contrast-extension/index.css?inline';
import light from '@themes/theme-light-extension/index.css?inline';

import '../../lab/style/index.css';
import '../style.css';
import { STORIES } from './stories';
import { End } from './story';

const THEMES: Record<string, string> = { light, dark, 'high-contrast': contrast };

/** A story with the selector of what it must show and the widths of the page that count for it. */
interface Look {
  name: string;
  key: string;
  widths: number[];
}

declare global {
  interface Window {
    /** For tests: what each story must show and how wide, and a change of the story or the theme without a new page. */
    stories: { looks: Look[]; show(story: string): Promise<void>; setTheme(theme: string): void; hidden(): number };
  }
}

const place = document.getElementById('story')!;
let end: End | void;
const colors = document.head.appendChild(document.createElement('style'));

async function show(story: string): Promise<void> {
  end?.();
  place.replaceChildren();
  end = await STORIES[story].draw(place);
}

function setTheme(theme: string): void {
  colors.textContent = THEMES[theme];
  document.body.dataset.jpThemeName = theme;
  document.body.dataset.jpThemeLight = String(theme === 'light');
  document.body.style.colorScheme = theme === 'light' ? 'light' : 'dark'; // as JupyterLab does
}

/** Pixels by which the window is too low for all of the story to be in sight. What has a limit of its own stays as it is. */
function hidden(): number {
  const pages = [...document.querySelectorAll('.story-page, .story-page *, .jp-Dialog *')].filter(node => {
    const { overflowY, maxHeight } = getComputedStyle(node);
    return overflowY === 'auto' && maxHeight === 'none';
  });
  return Math.max(...[document.documentElement, ...pages].map(node => node.scrollHeight - node.clientHeight));
}

/** A list of stories or themes, which opens the page with another choice. */
function chooser(choice: 'story' | 'theme', names: string[], query: URLSearchParams): HTMLElement {
  const list = document.createElement('select');
  list.ariaLabel = choice;
  list.append(...names.map(name => new Option(name)));
  list.value = query.get(choice) ?? names[0];
  list.addEventListener('change', () => {
    location.search = String(new URLSearchParams({ ...Object.fromEntries(query), [choice]: list.value }));
  });
  return list;
}

const query = new URLSearchParams(location.search);
document
  .querySelector('header')!
  .append(chooser('story', Object.keys(STORIES), query), chooser('theme', Object.keys(THEMES), query));
const looks = Object.entries(STORIES).map(([name, { key, widths = [700, 1000, 1900] }]) => ({ name, key, widths }));
window.stories = { looks, show, setTheme, hidden };
setTheme(query.get('theme') ?? 'light');
void show(query.get('story') ?? Object.keys(STORIES)[0]);
