/**
 * What a badge consists of, in this order. A part is in the document only while it says something: all parts of five
 * hundred badges would be a quarter of a long notebook's page.
 */

import { element, setText } from '@kfnb/core/elements';

const BEGIN = ['name', 'mark', 'flow', 'line'] as const;
const END = ['problems', 'edited', 'state', 'time', 'log', 'menu'] as const; // at the badge's right edge
const ORDER: readonly BadgePart[] = [...BEGIN, ...END];

export type BadgePart = (typeof BEGIN)[number] | (typeof END)[number];

export class BadgeParts {
  constructor(private readonly _badge: HTMLElement) {}

  /** Makes a part say a text; an empty one takes it away. Returns the part. */
  say(part: BadgePart, text: string, title = ''): HTMLElement | null {
    if (!text) {
      this.remove(part);
      return null;
    }
    const node = this.show(part, () => element('span', `kfnb-Badge-${part}`));
    setText(node, text);
    if (node.title !== title) {
      node.title = title;
    }
    return node;
  }

  /** Shows a part, which `create` makes if it is not there. */
  show(part: BadgePart, create: () => HTMLElement): HTMLElement {
    let node = this._shown.get(part);
    if (!node) {
      node = create();
      const after = ORDER.slice(ORDER.indexOf(part) + 1).find(other => this._shown.has(other));
      node.classList.toggle('kfnb-Badge-end', ORDER.indexOf(part) >= BEGIN.length);
      this._badge.insertBefore(node, (after && this._shown.get(after)) ?? null);
      this._shown.set(part, node);
    }
    return node;
  }

  remove(part: BadgePart): void {
    this._shown.get(part)?.remove();
    this._shown.delete(part);
  }

  private readonly _shown = new Map<BadgePart, HTMLElement>();
}
