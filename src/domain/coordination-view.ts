import type { AgentEvent, Plan } from './events.js';
import { effectOf, evolveCoordination, missionIdOf, NOT_THE_HOLDER, ownerOfDecision } from './mission-evolve.js';
import { copyOfMission } from './mission-copy.js';
import { mustWait } from './mission-requests.js';
import { reportMission } from './mission-report.js';
import { createCoordinationState, isOpen, proposalOf, type CoordinationState, type Mission } from './mission-state.js';
import type { FoldRecord, Folded } from './record.js';
import type { MissionReport } from './report.js';

/** The whole coordination topic as a watcher sees it: every partition folded by the rules that its holders go by. */
export interface CoordinationView {
  /** Folds a record of a partition. Returns the event when it counts, null when it is void. */
  apply(partition: number, record: FoldRecord): AgentEvent | null;
  /** Ids of all missions, oldest first. */
  missions(): readonly string[];
  report(missionId: string): MissionReport | null;
  /** The proposed or approved plan, with its revision and planner; null before there is one. */
  plan(missionId: string): {
    readonly revision: number;
    readonly planner: string;
    readonly model: string;
    readonly refusals: readonly string[];
    readonly plan: Plan;
  } | null;
  mission(missionId: string): Mission | null;
  /** Next offset to fold of the partition that has this mission. */
  position(missionId: string): number;
  /**
   * Whether what was read shows the mission as the whole log would. Always true for a view that reads from the log's
   * beginning.
   */
  isCertain(missionId: string): boolean;
  /**
   * What a record with this event would come to if it were appended to a partition at a time (ms since the epoch).
   * Changes nothing.
   */
  judge(partition: number, event: AgentEvent, timestampMs: number): Folded;
}

/** All missions of a view, oldest first. */
export const missionsOf = (view: Pick<CoordinationView, 'missions' | 'mission'>): readonly Mission[] =>
  view.missions().flatMap((id) => view.mission(id) ?? []);

export interface ViewOptions {
  /**
   * It begins inside the log, at a place before the requests of the missions that it is asked for. Who decides there is
   * known from the first decision about one of them: its writer had read the request, and every claim before it. A
   * decision that does not count leaves a doubt.
   */
  readonly isPartial: boolean;
}

export function createCoordinationView({ isPartial }: ViewOptions = { isPartial: false }): CoordinationView {
  const doubted = new Set<string>();
  const partitions = new Map<number, CoordinationState>();
  /**
   * Partitions whose first claim was deleted with the old records: until the next one, the writer of a decision is
   * the holder.
   */
  const withoutClaim = new Set<number>();
  const apply = (partition: number, record: FoldRecord): AgentEvent | null => {
    if (!partitions.has(partition) && record.offset > 0) withoutClaim.add(partition);
    const state = stateOf(partition);
    if (record.event.event_type === 'partition_claimed') withoutClaim.delete(partition);
    const isWithoutClaim = withoutClaim.has(partition);
    const owner = isWithoutClaim && !isPartial ? ownerOfDecision(record.event) : null;
    if (owner !== null) state.holder = { owner, claimOffset: -1 };
    const decision = isPartial ? decisionIn(state, record.event) : null;
    if (decision !== null && decision.isKnown && isWithoutClaim)
      state.holder ??= { owner: decision.owner, claimOffset: -1 };
    const folded = evolveCoordination(state, record);
    if (decision !== null && isDoubtful(decision, folded, isWithoutClaim)) doubted.add(decision.missionId);
    return folded.kind === 'applied' ? record.event : null;
  };
  const stateOf = (partition: number): CoordinationState => {
    const known = partitions.get(partition) ?? createCoordinationState(partition);
    partitions.set(partition, known);
    return known;
  };
  const partitionOf = (id: string) => [...partitions.values()].find(({ missions }) => missions.has(id));
  const mission = (id: string): Mission | null => partitionOf(id)?.missions.get(id) ?? null;
  return {
    apply,
    missions: () => [...partitions.values()].flatMap((state) => [...state.missions.keys()]).sort(),
    report: (id) => {
      const found = mission(id);
      return found === null ? null : reportMission(found);
    },
    plan: (id) => {
      const found = mission(id);
      const proposal = found === null ? null : proposalOf(found);
      return proposal === null
        ? null
        : {
            revision: proposal.revision,
            planner: proposal.planner,
            model: proposal.model,
            refusals: proposal.refusals,
            plan: proposal.plan,
          };
    },
    mission,
    position: (id) => partitionOf(id)?.position ?? 0,
    isCertain: (id) => !doubted.has(id),
    judge: (partition, event, timestampMs) =>
      judge(partitions.get(partition) ?? createCoordinationState(partition), event, timestampMs),
  };
}

interface ReadDecision {
  readonly missionId: string;
  readonly owner: string;
  /** Whether the mission's request was read. */
  readonly isKnown: boolean;
  readonly isOpen: boolean;
}

function decisionIn(state: CoordinationState, event: AgentEvent): ReadDecision | null {
  const owner = ownerOfDecision(event);
  const missionId = missionIdOf(event);
  if (owner === null || missionId === null) return null;
  const mission = state.missions.get(missionId);
  return { missionId, owner, isKnown: mission !== undefined, isOpen: mission !== undefined && isOpen(mission) };
}

/** Another holder's decision is known to be void once a claim was read; others may follow what was not read. */
function isDoubtful({ isKnown, isOpen: wasOpen }: ReadDecision, folded: Folded, isWithoutClaim: boolean): boolean {
  if (!isKnown) return true; // Should its request come, it is a copy: the first one was not read.
  if (!wasOpen || folded.kind === 'applied') return false;
  return isWithoutClaim || folded.reason !== NOT_THE_HOLDER;
}

function judge(state: CoordinationState, event: AgentEvent, timestampMs: number): Folded {
  const missions = new Map([...state.missions].map(([id, each]) => [id, { ...each }]));
  const copy = { ...state, missions, requestedIds: new Map(state.requestedIds) };
  const concerned = copy.missions.get(missionIdOf(event) ?? '');
  // It would wait for the holder: what it comes to when that accepts it.
  if (concerned !== undefined && isOpen(concerned) && mustWait(concerned, event))
    return effectOf(concerned, event, timestampMs);
  if (concerned !== undefined) copy.missions.set(concerned.id, copyOfMission(concerned));
  return evolveCoordination(copy, { offset: state.position, timestampMs, event });
}
