/** How far a run is on its way to its cluster: one bar for packaging, images, uploads and the submission. */

import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import { formatBytes } from '@kfnb/core/format';
import { Delivery } from '@kfnb/core/wire/api-types';

interface BarProps {
  /** Null while the server packages the run and has not answered yet. */
  delivery: Delivery | null;
  trans: TranslationBundle;
}

export function DeliveryBar({ delivery, trans }: BarProps): React.JSX.Element {
  const text = deliveryText(delivery, trans);
  return (
    <div className="kfnb-Delivery">
      <progress aria-label={text} max={1} value={delivery?.share || undefined} />
      <span>{text}</span>
    </div>
  );
}

function deliveryText(delivery: Delivery | null, trans: TranslationBundle): string {
  const { phase, title, done, size } = delivery ?? { phase: 'package', title: '', done: 0, size: 0 };
  const amount = size ? trans.__(', %1 of %2', formatBytes(done), formatBytes(size)) : '';
  switch (phase) {
    case 'build':
      return trans.__('Making the image: %1%2', title, amount);
    case 'push':
      return trans.__('Sending the image: %1%2', title, amount);
    case 'submit':
      return trans.__('Submitting to the cluster');
    default:
      return trans.__('Packaging the run');
  }
}
