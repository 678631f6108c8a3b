/** What is not at its end yet, once nothing goes wrong any more. */
import { isOpen } from '../../src/domain/mission-state.js';
import { METADATA_LIMIT_BYTES } from '../../src/domain/record.js';
import { REQUEST_WINDOW_MS } from '../../src/domain/requests.js';
import type { CommittedOffset, PartitionId } from '../../src/ports/log.js';
import type { MissionOracle } from './mission-oracle.js';
import type { TaskOracle } from './task-oracle.js';
import { Violation } from './violation.js';

export interface Standing {
  /** Missions that people have asked for and not withdrawn. */
  readonly requested: readonly string[];
  readonly missions: readonly (MissionOracle & PartitionId)[];
  readonly tasks: readonly (TaskOracle & PartitionId)[];
  committedOf(id: PartitionId): CommittedOffset | null;
  isCarriedOut(oracle: MissionOracle, effect: { readonly offset: number }): boolean;
  /** Whether an attempt's result has reached its mission. */
  isDelivered(attemptKey: string): boolean;
}

/** null when everything is at its end. */
export function findUnfinished(standing: Standing): Violation | null {
  return unfinishedRequest(standing) ?? unfinishedPartition(standing) ?? unfinishedTasks(standing);
}

function unfinishedRequest({ requested, missions }: Standing): Violation | null {
  for (const id of requested) {
    const mission = missions.flatMap((oracle) => oracle.state.missions.get(id) ?? [])[0];
    if (mission === undefined) return new Violation('final-result', `mission ${id} was never taken`);
    if (isOpen(mission))
      return new Violation(
        'final-result',
        `mission ${id} is open: ${mission.course.kind}, planning ${mission.planning.kind}, ` +
          `${[...mission.tasks.values()].map((task) => `${task.id} ${task.status} ${task.attempt}`).join(', ')}`,
      );
  }
  return null;
}

function unfinishedPartition(standing: Standing): Violation | null {
  for (const oracle of standing.missions) {
    for (const effect of oracle.effects.values()) {
      if (!standing.isCarriedOut(oracle, effect))
        return new Violation(
          'decision-carried-out',
          `${effect.event.event_type} from ${oracle.partition}:${effect.offset} has not reached its partition`,
        );
    }
    if (hasMoreIdsThanACommit(oracle)) continue;
    const stays = stayingReplayPoint(standing, oracle, [...oracle.state.missions.values()].at(-1));
    if (stays !== null) return stays;
  }
  return null;
}

/**
 * A commit keeps the ids of the window of requests. Where they do not all fit, the replay starts further back, until
 * the log's time has passed the window; without a further record it does not.
 */
function hasMoreIdsThanACommit({ state }: Standing['missions'][number]): boolean {
  const times = [...state.requestedIds.values()].filter((timeMs) => timeMs + REQUEST_WINDOW_MS >= state.timestampMs);
  return times.length * ID_BYTES + OTHER_BYTES > METADATA_LIMIT_BYTES;
}

/** An id in a commit's metadata, and what else is in it. */
const ID_BYTES = 30;
const OTHER_BYTES = 200;

function unfinishedTasks(standing: Standing): Violation | null {
  for (const oracle of standing.tasks) {
    for (const attempt of oracle.state.attempts.values()) {
      if (attempt.status === 'open')
        return new Violation('final-result', `${attempt.key} is open at ${placeOf(oracle)}`);
      if (attempt.result !== null && !standing.isDelivered(attempt.key))
        return new Violation('result-delivered', `the result of ${attempt.key} has not reached its mission`);
    }
    const stays = stayingReplayPoint(standing, oracle, [...oracle.state.attempts.values()].at(-1));
    if (stays !== null) return stays;
  }
  return null;
}

/** What is done must leave the replay. */
function stayingReplayPoint(
  { committedOf }: Standing,
  place: PartitionId,
  last: { readonly firstOffset: number } | undefined,
): Violation | null {
  const committed = committedOf(place);
  if (last === undefined || (committed !== null && committed.offset > last.firstOffset)) return null;
  return new Violation('converges', `the replay point of ${placeOf(place)} stays at ${committed?.offset}`);
}

const placeOf = ({ topic, partition }: PartitionId) => `${topic}[${partition}]`;
