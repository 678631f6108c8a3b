/** The events' types, generated from schemas/*.avsc at build, and the records that they share. */
import type {
  AgentEvent,
  MissionRequested,
  PlanProposed,
  TaskAssigned,
  TaskCompleted,
  ToolReturned,
} from './generated/agent-event.js';

export type * from './generated/agent-event.js';

export type EventType = AgentEvent['event_type'];
/** The event of a type. */
export type EventOf<T extends EventType> = Extract<AgentEvent, { event_type: T }>;
/** The payload of a type. */
export type PayloadOf<T extends EventType> = EventOf<T>['payload'];

export type Check = MissionRequested['payload']['success'][number];
export type CheckResult = TaskCompleted['payload']['result']['checks'][number];
/** A check's result with what it printed, as its step's outcome has it; final records leave the output out. */
export type CheckRecord = NonNullable<ToolReturned['payload']['checks']>[number];
export type StepOutcome = ToolReturned['payload']['outcome'];
export type Plan = PlanProposed['payload']['plan'];
export type PlanWave = Plan['waves'][number];
export type PlanTask = PlanWave['tasks'][number];
/** What the tasks beside a task write. */
export type WrittenBeside = NonNullable<TaskAssigned['payload']['beside']>;
export type TaskInput = TaskAssigned['payload']['inputs'][number];
export type TaskKind = TaskAssigned['payload']['kind'];
export type Source = NonNullable<TaskAssigned['payload']['source']>;
export type Budget = MissionRequested['payload']['budget'];
export type OnFailure = MissionRequested['payload']['on_failure'];
export type ApprovalMode = MissionRequested['payload']['approval'];
