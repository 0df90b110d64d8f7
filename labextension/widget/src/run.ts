/** What anywidget loads: the live view where a page lets it stand, and where it stands in Jupyter's own pages. */

import { element } from '@kfnb/core/elements';

import '../style/run.css';
import { WidgetModel } from './model';
import { pageLanguage, wordsIn } from './page-words';
import { RunView } from './run-view';
import { Store } from './store';

const LOOK_DELAY = 50; // milliseconds in which changes of a page are taken together

/**
 * In Jupyter's pages: beside the picture, whose place it takes while the kernel is there.
 * A saved notebook keeps the picture only, and shows it.
 */
function mount(model: WidgetModel, store: Store): () => void {
  const name = String(model.get('picture'));
  const views = new Map<Element, RunView>();
  let waiting = 0;
  const look = () => {
    waiting = 0;
    for (const [child, view] of views) {
      if (!child.contains(view.node)) {
        view.close();
        views.delete(child);
      }
    }
    for (const image of document.querySelectorAll(`img[src*="kfnb-${name}"]`)) {
      const child = image.closest('.jp-OutputArea-child');
      if (child && !views.has(child)) {
        const node = element('div', 'jp-OutputArea-output');
        child.append(node);
        child.classList.add('kfnb-mod-live');
        views.set(child, new RunView(store, node, pageWords()));
      }
    }
  };
  const observer = new MutationObserver(() => {
    waiting ||= window.setTimeout(look, LOOK_DELAY);
  });
  observer.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    observer.disconnect();
    window.clearTimeout(waiting);
    for (const [child, view] of views) {
      child.classList.remove('kfnb-mod-live');
      view.close();
    }
    views.clear();
  };
}

const pageWords = () => wordsIn(pageLanguage(document, navigator.language));

/** Calls back when the kernel that the model belongs to is gone. */
async function whenGone(model: WidgetModel, gone: () => void): Promise<void> {
  const whole = await model.widget_manager.get_model(String(model.get('picture')));
  whole.on('comm_live_update', () => {
    if (!whole.comm_live) {
      gone();
    }
  });
}

export default {
  initialize({ model }: { model: WidgetModel }): () => void {
    const store = new Store(model);
    const unmount = mount(model, store);
    void whenGone(model, unmount).catch(() => undefined); // a page that does not say so
    return () => {
      unmount();
      store.dispose();
    };
  },
  render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
    const store = new Store(model);
    const view = new RunView(store, el.appendChild(element('div', '')), pageWords());
    return () => {
      view.close();
      store.dispose();
    };
  }
};
