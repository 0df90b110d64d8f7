/** Loads the values of a run into the notebook's kernel. */

import { Notification } from '@jupyterlab/apputils';
import { Kernel, KernelMessage } from '@jupyterlab/services';
import { TranslationBundle } from '@jupyterlab/translation';

const BUSY_DELAY = 1000; // milliseconds in which a kernel that has nothing else to do has begun

/**
 * The code that the kernel executes. `folder` is the folder of the server's kfnb package, which serves a kernel whose
 * environment has none. JSON strings are also Python strings, so no argument can break out of its quotation marks.
 */
export function loadCode(run: string, path: string, direction: 'inputs' | 'outputs', folder: string): string {
  const [id, step, place] = [run, path, folder].map(text => JSON.stringify(text));
  return `
def _kfnb_load():
    import importlib.util, os, sys
    if importlib.util.find_spec("kfnb") is None:
        spec = importlib.util.spec_from_file_location(
            "kfnb", os.path.join(${place}, "__init__.py"), submodule_search_locations=[${place}]
        )
        sys.modules["kfnb"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["kfnb"])
    from kfnb.kernel.load_step_values import load
    load(${id}, ${step}, "${direction}")
try:
    _kfnb_load()
finally:
    del _kfnb_load`;
}

/** Notifies the user of what the kernel has loaded, or of the error; and that the kernel is busy, if it does not begin soon. */
export async function notifyLoaded(
  future: Kernel.IShellFuture<KernelMessage.IExecuteRequestMsg, KernelMessage.IExecuteReplyMsg>,
  trans: TranslationBundle
): Promise<void> {
  let text = '';
  // JupyterLab's own status of the kernel says "idle" while a cell runs, once the kernel has answered on another channel
  const timer = window.setTimeout(() => {
    Notification.info(trans.__('The kernel is busy. It will load the values when it is idle.'), { autoClose: 5000 });
  }, BUSY_DELAY);
  future.onIOPub = message => {
    window.clearTimeout(timer);
    if (KernelMessage.isStreamMsg(message)) {
      text += message.content.text;
    }
  };
  const reply = await future.done.finally(() => window.clearTimeout(timer));
  const content = reply?.content;
  if (content?.status === 'error') {
    Notification.error(
      trans.__('The values cannot be loaded: %1', `${content.ename}: ${content.evalue}`.slice(0, 300))
    );
  } else {
    Notification.success(text.trim().slice(0, 300) || trans.__('Nothing to load'), { autoClose: 6000 });
  }
}
