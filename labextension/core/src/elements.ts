/** Functions that create and change HTML elements. They set text as text, never as markup. */

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = ''
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

export function button(className: string, label: string, text: string, act: () => void): HTMLButtonElement {
  const node = element('button', className, text);
  node.type = 'button';
  node.title = label;
  node.setAttribute('aria-label', label);
  node.addEventListener('click', event => {
    event.stopPropagation();
    act();
  });
  return node;
}

/** Sets the text of an element if it differs, because each assignment makes the browser lay out the page again. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}
