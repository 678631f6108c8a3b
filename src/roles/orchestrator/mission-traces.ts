/** The traces of one coordination partition: what its records tell is sent as spans, where traces are switched on. */
import type { Mission } from '../../domain/mission-state.js';
import { createMissionTraces, spansOfMission } from '../../domain/mission-spans.js';
import type { FoldRecord } from '../../domain/record.js';
import { traceContextOf } from '../../domain/trace-context.js';
import type { LogRecord } from '../../ports/log.js';
import { createSpanSender } from '../shared/span-sender.js';
import type { OrchestratorContext } from './orchestrator-context.js';

export interface PartitionTraces {
  /** A record about a mission that was applied; mission is as it is after it. */
  onRecord(record: LogRecord, folded: FoldRecord, mission: Mission): void;
  /** Whether no span of the mission is under way. */
  readonly isSettled: (missionId: string) => boolean;
}

export function createPartitionTraces({ deps: { log, tracing } }: OrchestratorContext): PartitionTraces {
  const sender = tracing === undefined ? null : createSpanSender(tracing);
  const traces = createMissionTraces();
  return {
    onRecord({ topic, partition, offset, headers }, folded, mission) {
      const caller = folded.event.event_type === 'mission_requested' ? traceContextOf(headers) : null;
      if (caller !== null) log.continueTrace(mission.id, caller);
      sender?.send(spansOfMission(traces, mission, folded, { topic, partition, offset, caller }));
    },
    isSettled: (missionId) => sender?.isSettled(missionId) ?? true,
  };
}
