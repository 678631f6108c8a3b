/** The library: a swarm inside another program, and a client of one. docs/architecture.md shows the layers below. */
export { OptionError } from './agent/checked-options.js';
export { ConfigError, type Problem } from './agent/config-error.js';
export { RegistryUnreachable, SchemaIncompatible } from './avro/errors.js';
export type {
  Approvals,
  AttemptsOptions,
  Client,
  CopyArtifactsOptions,
  DeadLetters,
  DiffOptions,
  FollowOptions,
  MissionDiff,
  RestoreOptions,
  RetryMissionOptions,
  SubmitOptions,
} from './client/client.js';
export type { CopyOutcome } from './client/artifact-outcome.js';
export type { CopiedArtifact, MissionArtifact, MissionArtifacts } from './client/artifacts.js';
export type { FileChange } from './client/snapshot-diff.js';
export type { RestoreResult, WorkspaceDiff } from './client/snapshots.js';
export { ClientError, type ClientErrorCode } from './client/client-error.js';
export { createClient, type ClientOptions, type OperatorKey } from './client/create-client.js';
export type { DeadLetter, DeadLetterDetails } from './client/dead-letter.js';
export type { DiscardOptions } from './client/discard.js';
export type { LimitsDefinition } from './agent/limit-settings.js';
export type { NetworkEntry } from './agent/network-setting.js';
export type {
  BudgetLimits,
  InputDefinition,
  InputValue,
  MissionDefinition,
  PlanDefinition,
  TaskDefinition,
} from './client/mission-definition.js';
export type { RecoveredPartition, RecoverOptions } from './client/recover.js';
export type { RedriveOptions, RedriveOutcome } from './client/redrive.js';
export type { RetriedMission } from './client/retry.js';
export type { SubmittedMission } from './client/submit.js';
export type { StatusReport } from './client/ask-processes.js';
export type { AgentSpec, Playbook, PlaybookStep } from './domain/agent-spec.js';
export type { Baseline } from './domain/baseline.js';
export type { Question } from './domain/mission-state.js';
export type { NetworkHost } from './domain/network.js';
export type { Mount, Permissions } from './domain/permissions.js';
export type { Taint } from './domain/taint.js';
export type { LimitKey, LimitSettings } from './domain/limits.js';
export type { AgentEvent } from './domain/generated/agent-event.js';
export type {
  AttemptReport,
  CheckReport,
  ConnectionReport,
  PromptMessage,
  PromptReport,
  StepOutcome,
  StepReport,
  WaitingStepReport,
} from './domain/attempt-report.js';
export type {
  ArtifactsReport,
  MissionReport,
  MissionStatus,
  Proof,
  MissedSnapshotReport,
  SnapshotReport,
  TaskReport,
  TaskStatus,
  WaitingCallReport,
} from './domain/report.js';
export { BrokerRefused, BrokerUnreachable } from './kafka/errors.js';
export { NoModel } from './models/chain.js';
export { UnknownModel } from './models/model-name.js';
export type { Log, LogCapabilities } from './ports/log.js';
export type { Logger } from './ports/logger.js';
export {
  createSwarm,
  type DailyCapOptions,
  type TraceOptions,
  type ModelOptions,
  type Swarm,
  type SwarmOptions,
  type ToolOptions,
} from './swarm/create-swarm.js';
export { defineAgent, type AgentDefinition, type PlaybookDefinition } from './swarm/define-agent.js';
export { kafkaLog, memoryLog, type KafkaLogOptions, type MemoryLogOptions } from './swarm/logs.js';
export { RoleFailed } from './swarm/role-failed.js';
export { SandboxRequired } from './swarm/sandbox-required.js';
