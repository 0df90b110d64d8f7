/** What a story is, and what stories share. */

import { TranslationBundle } from '@jupyterlab/translation';
import { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';

import { nextFrame } from '@kfnb/core/next-frame';
import { ENGLISH } from '@kfnb/core/translator';

/** One view with data of its own. */
export interface Story {
  /** The selector of what must be in sight. */
  key: string;
  draw(place: HTMLElement): void | Promise<void>;
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
      createRoot(node).render(view());
    }
  };
}

/** Waits until the browser has laid out what was drawn. */
export async function laidOut(): Promise<void> {
  await new Promise<void>(done => nextFrame(() => nextFrame(done)));
}

/** Types a text into a field, as a user would. */
export function type(field: HTMLInputElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

export function ignore(): void {
  // a story has nothing to do when something is pressed
}
