/** The ids of the commands. */

export const CommandIDs = {
  run: 'kfnb:run',
  stop: 'kfnb:stop',
  toggle: 'kfnb:run-or-stop',
  runStep: 'kfnb:run-step',
  runFrom: 'kfnb:run-from',
  retry: 'kfnb:retry-from',
  log: 'kfnb:show-log',
  reveal: 'kfnb:reveal-step',
  inputs: 'kfnb:load-inputs',
  outputs: 'kfnb:load-outputs',
  markMenu: 'kfnb:mark-cell',
  markForm: 'kfnb:open-mark-form',
  setMark: 'kfnb:set-mark',
  setRole: 'kfnb:set-role',
  mark: 'kfnb:mark-step',
  unmark: 'kfnb:unmark-step',
  rename: 'kfnb:rename-step',
  split: 'kfnb:split-step',
  openRun: 'kfnb:open-run',
  panel: 'kfnb:open-panel',
  addTarget: 'kfnb:add-target',
  makePipeline: 'kfnb:make-pipeline',
  submitForm: 'kfnb:submit-form',
  create: 'kfnb:new-notebook'
} as const;
