/** Calls a function before the browser draws its next frame; soon, in a page in the background, which draws none. */
export function nextFrame(callback: () => void): void {
  void (document.hidden ? window.setTimeout(callback, 50) : window.requestAnimationFrame(callback));
}
