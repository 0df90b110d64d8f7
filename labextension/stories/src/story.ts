/** What a story is, and what stories share. */

import { TranslationBundle } from '@jupyterlab/translation';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';

import { nextFrame } from '@kfnb/core/next-frame';
import { ENGLISH } from '@kfnb/core/translator';

/** Ends what a story has drawn. */
export type End = () => void;

/** One view with data of its own. */
export interface Story {
  /** The selector of what must be in sight. */
  key: string;
  /** The widths of the page at which it is looked at, where two are too many or others say more. */
  widths?: number[];
  draw(place: HTMLElement): End | void | Promise<End | void>;
}

/** JupyterLab's views use the two functions only that `Translator` has. */
export const TRANS = ENGLISH as TranslationBundle;

/** A story of a React view, inside an element with this class. */
export function reactStory(key: string, className: string, view: () => ReactNode): Story {
  return {
    key,
    draw(place) {
      const node = place.appendChild(document.createElement('div'));
      node.className = className;
      const root = createRoot(node);
      root.render(view());
      return () => root.unmount();
    }
  };
}

/** A story of a page of the main area, which is as large as the window. */
export function pageStory(key: string, page: () => Widget): Story {
  return {
    key,
    draw(place) {
      const widget = page();
      widget.addClass('story-page');
      Widget.attach(widget, place);
      const observer = new ResizeObserver(() => MessageLoop.sendMessage(widget, Widget.ResizeMessage.UnknownSize));
      observer.observe(place);
      return () => {
        observer.disconnect();
        widget.dispose();
      };
    }
  };
}

/** A story of a dialog, which JupyterLab shows in the middle of the window. */
export function dialogStory(key: string, open: (place: HTMLElement) => unknown): Story {
  return fixed({
    key: `.jp-Dialog ${key}`,
    draw(place) {
      void open(place);
      return () =>
        document.querySelectorAll<HTMLElement>('.jp-Dialog .jp-mod-reject').forEach(cancel => cancel.click());
    }
  });
}

/** The same story, which says nothing new in a wide window. */
export function narrow(story: Story): Story {
  return { ...story, widths: [700, 1000] };
}

/** The same story, which is as wide in every window. */
export function fixed(story: Story): Story {
  return { ...story, widths: [700] };
}

/** Waits until the browser has laid out what was drawn. */
export async function laidOut(): Promise<void> {
  await new Promise<void>(done => nextFrame(() => nextFrame(done)));
}

/** Waits for an element that a view draws once the server has answered. */
export async function drawn<Node extends HTMLElement>(place: ParentNode, selector: string): Promise<Node> {
  for (;;) {
    const node = place.querySelector<Node>(selector);
    if (node) {
      return node;
    }
    await laidOut();
  }
}

/** Types a text into a field, as a user would. */
export function type(field: HTMLInputElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

export function ignore(): void {
  // a story has nothing to do when something is pressed
}
