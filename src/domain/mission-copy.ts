import type { Mission, MissionFold } from './mission-state.js';
import { createTaskIndex, putTask } from './mission-tasks.js';

/** For a fold that must not be seen: a copy of all that evolve changes in place. */
export function copyOfMission(mission: Mission): MissionFold {
  const copy: MissionFold = {
    ...mission,
    tasks: new Map(),
    index: createTaskIndex(),
    waves: mission.waves.map((wave) => ({ ...wave })),
    effects: new Map(mission.effects),
    agentFailures: new Map(mission.agentFailures),
    snapshots: new Map(mission.snapshots),
    missedSnapshots: new Map(mission.missedSnapshots),
    answers: new Map(mission.answers),
    waitingRequests: new Map(mission.waitingRequests),
    decidedRequests: new Map(mission.decidedRequests),
  };
  for (const task of mission.tasks.values()) putTask(copy, task);
  return copy;
}
