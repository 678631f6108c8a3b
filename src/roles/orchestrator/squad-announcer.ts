import type { AgentEvent } from '../../domain/events.js';
import { isOpen, type Mission } from '../../domain/mission-state.js';
import type { OrchestratorContext } from './orchestrator-context.js';

export interface SquadAnnouncer {
  /** Writes squad_ready once every partition of the mission's agents has a holder; once for each mission. */
  announce(mission: Mission): void;
  reset(): void;
}

export function createSquadAnnouncer(context: OrchestratorContext, send: (event: AgentEvent) => void): SquadAnnouncer {
  const announced = new Set<string>();

  /** Processes that hold the agents' partitions; null when some partition has no holder. */
  function holdersOf(agents: readonly string[]): readonly string[] | null {
    const workers = new Set<string>();
    for (const agent of agents) {
      const count = context.taskPartitions.count(agent);
      const holders = count === null ? null : context.live.holdersOf(context.deps.topics.tasks(agent), count);
      if (holders === null) return null;
      for (const holder of holders) workers.add(holder);
    }
    return [...workers];
  }

  return {
    announce(mission) {
      if (!isOpen(mission)) return void announced.delete(mission.id);
      if (mission.squadReady || announced.has(mission.id)) return;
      const { agents } = mission.request;
      const workers = holdersOf(agents);
      if (workers === null) return;
      announced.add(mission.id);
      send(
        context.createEvent({
          type: 'squad_ready',
          from: 'orchestrator',
          missionId: mission.id,
          payload: { mission_id: mission.id, agents: [...agents], workers: [...workers] },
        }),
      );
    },
    reset: () => announced.clear(),
  };
}
