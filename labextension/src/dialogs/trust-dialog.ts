/** Files that came with a notebook and say whom to talk to: what they ask for, and the user's word that it is wanted. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { RestClient } from '../server/rest-client';
import { element } from '../common/elements';
import { RequestedAccess, TrustProposal } from '../server/api-types';

/** Show what the files beside a notebook ask for, and trust them when the user says so; whether they are trusted now. */
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
  const why = trans.__('These files lie beside the notebook. Trust them only if you want what they ask for:');
  node.append(element('p', '', why));
  for (const file of files) {
    node.append(element('h3', 'kfnb-Trust-file', file.path));
    for (const target of new Set(file.asks.map(ask => ask.target))) {
      const mine = file.asks.filter(ask => ask.target === target);
      node.append(element('h4', '', trans.__('Target %1', target)), requestList(mine));
    }
  }
  return node;
}

function requestList(asks: RequestedAccess[]): HTMLElement {
  const found = element('ul', '');
  found.append(...asks.map(ask => element('li', '', ask.text)));
  return found;
}
