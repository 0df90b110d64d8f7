/** The dialog in which the user trusts the configuration files that lie beside a notebook. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { RestClient } from '../server/rest-client';
import { element } from '@kfnb/core/elements';
import { RequestedAccess, TrustProposal } from '@kfnb/core/wire/api-types';

/** Shows the access that the files beside a notebook request. Resolves to whether the user trusts all of them. */
export async function confirmTrust(api: RestClient, path: string, trans: TranslationBundle): Promise<boolean> {
  const files = (await api.proposals(path)).files.filter(file => !file.trusted);
  if (files.length === 0) {
    return true;
  }
  const { button } = await showDialog({
    title: trans.__('Trust what came with this notebook?'),
    body: new Widget({ node: filesElement(files, trans) }),
    buttons: [
      Dialog.cancelButton({ label: trans.__('Do not trust') }),
      Dialog.warnButton({ label: trans.__('Trust') })
    ],
    defaultButton: 0
  });
  if (!button.accept) {
    return false;
  }
  for (const file of files) {
    await api.trust(path, file.fingerprint);
  }
  return true;
}

function filesElement(files: TrustProposal[], trans: TranslationBundle): HTMLElement {
  const node = element('div', 'kfnb-Trust');
  const explanation = trans.__(
    'These files lie beside the notebook. Trust them only if you agree to what they request:'
  );
  node.append(element('p', '', explanation));
  for (const file of files) {
    node.append(element('h3', 'kfnb-Trust-file', file.path));
    for (const target of new Set(file.asks.map(ask => ask.target))) {
      const requests = file.asks.filter(ask => ask.target === target);
      node.append(element('h4', '', trans.__('Target %1', target)), requestList(requests));
    }
  }
  return node;
}

function requestList(requests: RequestedAccess[]): HTMLElement {
  const node = element('ul', '');
  node.append(...requests.map(request => element('li', '', request.text)));
  return node;
}
