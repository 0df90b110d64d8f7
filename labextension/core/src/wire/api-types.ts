/**
 * The types of the JSON that the REST interface and the websocket carry. Those of the REST interface are made from
 * `kfnb/server/openapi.yaml` by `jlpm wire`; a test of the server holds its answers against the same file.
 */

import { components } from './openapi';

type Schemas = components['schemas'];

export type Problem = Schemas['Problem'];
export type Box = Schemas['Box'];
export type Frame = Schemas['Frame'];
export type Line = Schemas['Line'];
export type Graph = Schemas['Graph'];
export type StepInfo = Schemas['StepInfo'];
export type ValueSchema = Schemas['ValueSchema'];
export type Parameter = Schemas['Parameter'];
export type CellSteps = Schemas['CellSteps'];
export type OtherCell = Schemas['OtherCell'];
export type Explanation = Schemas['Explanation'];
export type Failure = Schemas['Failure'];
export type Attempt = Schemas['Attempt'];
export type Pod = Schemas['Pod'];
export type RunStepInfo = Schemas['RunStepInfo'];
export type RunDetails = Schemas['RunDetails'];
export type StepRun = Schemas['StepRun'];
export type RunInfo = Schemas['RunInfo'];
export type Snapshot = Schemas['Snapshot'];
export type ListedRun = Schemas['ListedRun'];
export type LogChunk = Schemas['LogChunk'];
export type LogMatches = Schemas['LogMatches'];
export type TablePage = Schemas['TablePage'];
export type DisplayedOutput = Schemas['DisplayedOutput'];
export type Value = Schemas['Value'];
export type StepValues = Schemas['StepValues'];
export type ColumnInfo = Schemas['ColumnInfo'];
export type ValuePage = Schemas['ValuePage'];
export type TargetInfo = Schemas['TargetInfo'];
export type Targets = Schemas['Targets'];
export type ComparedLoop = Schemas['ComparedLoop'];
export type ComparedIterations = Schemas['ComparedIterations'];
export type Delivery = Schemas['Delivery'];
export type ResourceLimit = Schemas['ResourceLimit'];
export type Submission = Schemas['Submission'];
export type TravellingFile = Schemas['TravellingFile'];
export type RequestedAccess = Schemas['RequestedAccess'];
export type TrustProposal = Schemas['TrustProposal'];
export type NotebookRequest = Schemas['NotebookRequest'];
export type Clusters = Schemas['Clusters'];
export type ClusterChoice = Schemas['ClusterChoice'];
export type TargetProposal = Schemas['TargetProposal'];
export type AddedTarget = Schemas['AddedTarget'];
export type ComparedRun = Schemas['ComparedRun'];
export type ComparedValue = Schemas['ComparedValue'];
export type ComparedCode = Schemas['ComparedCode'];
export type Comparison = Schemas['Comparison'];
export type Experiment = Schemas['Experiment'];
export type RunChoices = Schemas['RunChoices'];
export type DeletedRuns = Schemas['DeletedRuns'];
export type ProbeLine = Schemas['ProbeLine'];
export type Schedule = Schemas['Schedule'];
export type ScheduleFiring = Schemas['ScheduleFiring'];
export type ScheduleRequest = Schemas['ScheduleRequest'];
export type ScheduleTimes = Schemas['ScheduleTimes'];
export type Schedules = Schemas['Schedules'];

/** A message of the websocket; `id` is the id of the run. */
export type StreamMessage =
  | ({ type: 'snapshot'; id: string } & Snapshot)
  | { type: 'run'; id: string; seq: number; time: number; data: Partial<RunInfo> }
  | { type: 'step'; id: string; seq: number; time: number; data: Partial<StepRun> & { path: string; step: string } }
  | { type: 'line'; id: string; path: string; line: string; percent: number | null }
  | { type: 'gone'; id: string; message: string };
