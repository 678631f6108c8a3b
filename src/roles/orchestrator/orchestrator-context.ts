import type { LiveAgents } from '../../agent/live-agents.js';
import type { Planner } from '../../agent/planner-contract.js';
import type { DailyCap } from '../../domain/daily-spending.js';
import type { MissionTimings } from '../../domain/mission-timers.js';
import type { CircuitNews } from '../../ports/circuits.js';
import type { PartitionId } from '../../ports/log.js';
import type { BlockedPartitions } from '../shared/blocked-partitions.js';
import type { CreateEvent } from '../../domain/event-factory.js';
import type { AgentSettings } from './agent-settings.js';
import type { CapWatch } from './daily-cap.js';
import type { LiveWorkers } from './live-workers.js';
import type { Presence } from '../shared/presence.js';
import type { RetentionRule } from './retention.js';
import type { RoleDeps } from '../shared/role.js';
import type { Slots } from '../shared/slots.js';
import type { TaskPartitions } from './task-partitions.js';
import type { VoidRequests } from './void-requests.js';

export interface OrchestratorDeps extends RoleDeps {
  readonly planner: Planner;
  /** Every agent of the swarm. */
  readonly roster: LiveAgents;
  /**
   * News of this process's circuit breakers, which this role passes on; absent: another role does, or there are none.
   */
  readonly circuits?: CircuitNews;
  /** What is deleted from the log when it is old and done, as the agents are now; default: nothing. */
  readonly retention?: () => readonly RetentionRule[];
  /** The most that the swarm may have spent in a day (UTC) when something new begins; absent: no limit. */
  readonly dailyCap?: DailyCap;
  readonly timings?: Partial<OrchestratorTimings>;
}

export interface OrchestratorTimings extends MissionTimings {
  /** Between commits of replay points. */
  readonly commitMs: number;
  readonly heartbeatMs: number;
  /** Between passes that delete old records. */
  readonly retentionMs: number;
  /** A process that was silent for so long is not counted as live. */
  readonly silentMs: number;
  /** A group that was not heard of for so long has come to a standstill. */
  readonly stalledMs: number;
}

/** What the parts of a running orchestrator share. */
export interface OrchestratorContext {
  readonly deps: OrchestratorDeps;
  readonly timings: OrchestratorTimings;
  readonly createEvent: CreateEvent;
  readonly agents: AgentSettings;
  readonly live: LiveWorkers;
  readonly cap: CapWatch;
  readonly presence: Presence;
  readonly blocked: BlockedPartitions;
  readonly taskPartitions: TaskPartitions;
  readonly voidRequests: VoidRequests;
  /** For assignments and cancels: what an appender holds of them stays small. */
  readonly sending: Slots;
  isAssigned(partition: PartitionId): boolean;
  onHeldChanged(): void;
  onFatal(error: Error): void;
}
