/** Gives the focus to a panel that was opened. */

const DELAY = 250; // milliseconds in which JupyterLab gives the focus back to the document, once its palette has closed

/** Gives the focus to a part of the page after a moment, unless the user presses a key or a button in the meantime. */
export function focusSoon(find: () => HTMLElement | null): void {
  const user = new AbortController();
  for (const event of ['keydown', 'pointerdown']) {
    document.addEventListener(event, () => user.abort(), { capture: true, signal: user.signal });
  }
  window.setTimeout(() => {
    const [part, focused] = [find(), document.activeElement];
    if (!user.signal.aborted && !part?.contains(focused) && !focused?.closest('.jp-Dialog')) {
      part?.focus();
    }
    user.abort();
  }, DELAY);
}
