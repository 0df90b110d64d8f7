/** A dialog with a form. */

import { Dialog } from '@jupyterlab/apputils';

/** A dialog whose body has fields and buttons of its own: there, Enter belongs to them and does not close the dialog. */
export class FormDialog<T> extends Dialog<T> {
  handleEvent(event: Event): void {
    const isInBody = event.target instanceof Element && event.target.closest('.jp-Dialog-body') !== null;
    if (!(event instanceof KeyboardEvent && event.key === 'Enter' && isInBody)) {
      super.handleEvent(event);
    }
  }
}
