/** Small helpers to make and change elements; text is only ever set as text. */

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = ''
): HTMLElementTagNameMap[K] {
  const found = document.createElement(tag);
  found.className = className;
  found.textContent = text;
  return found;
}

export function button(className: string, label: string, text: string, act: () => void): HTMLButtonElement {
  const found = element('button', className, text);
  found.type = 'button';
  found.title = label;
  found.setAttribute('aria-label', label);
  found.addEventListener('click', event => {
    event.stopPropagation();
    act();
  });
  return found;
}

/** Set a text only where it differs: the browser lays out again what is touched. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
