/** Values of a run, put into the notebook's kernel. */

import { Notification } from '@jupyterlab/apputils';
import { Kernel, KernelMessage } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

/** What the kernel executes; the names are Python's own texts, whatever stands in them. */
export function loadCode(run: string, path: string, what: 'inputs' | 'outputs'): string {
  const [id, step] = [run, path].map(text => JSON.stringify(text));
  return `from kfnb.kernel.loading import load as _kfnb_load\n_kfnb_load(${id}, ${step}, "${what}")\ndel _kfnb_load`;
}

/** Tell what was loaded, or why it could not be. */
export async function tellLoaded(
  future: Kernel.IShellFuture<KernelMessage.IExecuteRequestMsg, KernelMessage.IExecuteReplyMsg>,
  trans: TranslationBundle
): Promise<void> {
  let text = '';
  future.onIOPub = message => {
    if (KernelMessage.isStreamMsg(message)) {
      text += message.content.text;
    }
  };
  const reply = await future.done;
  const content = reply?.content;
  if (content?.status === 'error') {
    Notification.error(
      trans.__('The values cannot be loaded: %1', `${content.ename}: ${content.evalue}`.slice(0, 300))
    );
  } else {
    Notification.success(text.trim().slice(0, 300) || trans.__('Nothing to load'), { autoClose: 6000 });
  }
}
