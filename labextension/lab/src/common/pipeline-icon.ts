/** The icon of kfnb. */

import { LabIcon } from '@jupyterlab/ui-components';

import pipeline from '../../style/icons/pipeline.svg';

export const pipelineIcon = new LabIcon({
  name: 'kfnb:pipeline',
  svgstr: pipeline
});
