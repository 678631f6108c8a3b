import { nearest } from '../domain/did-you-mean.js';
import type { Mission } from '../domain/mission-state.js';
import { ClientError } from './client-error.js';
import type { MissionFeed } from './mission-feed.js';
import { missionsMeant, type NamedMission } from './mission-name.js';

/** Of more candidates the newest are named. */
const MOST_NAMED = 10;

/**
 * The one mission that a person means: an id, the beginning of one, a name (its newest mission), or `last`. The feed
 * must have caught up. Throws ClientError: mission_unknown, mission_ambiguous.
 * @param sinceMs words mean only missions that were submitted since then: a feed of recent and open missions does not
 *   have the newest of the others
 */
export function requireMission(feed: MissionFeed, wanted: string, sinceMs = 0): Mission {
  const exact = feed.view.mission(wanted);
  if (exact !== null) return exact;
  const missions = namedMissions(feed, sinceMs);
  const [meant, ...others] = missionsMeant(wanted, missions);
  if (meant === undefined) throw missionUnknown(wanted, missions);
  if (others.length > 0) throw missionAmbiguous(wanted, [meant, ...others]);
  const mission = feed.view.mission(meant.id);
  if (mission === null) throw new TypeError(`the mission ${meant.id} is not in the log that names it`);
  return mission;
}

/** The missions of the feed that were submitted since then, oldest first. */
export const namedMissions = ({ view }: MissionFeed, sinceMs: number): readonly NamedMission[] =>
  view.missions().flatMap((id) => {
    const mission = view.mission(id);
    return mission === null || mission.requestedAtMs < sinceMs ? [] : [{ id, name: mission.request.name }];
  });

function missionUnknown(wanted: string, missions: readonly NamedMission[]): ClientError {
  const last = missions.at(-1);
  const near = nearest(
    wanted,
    missions.flatMap(({ id, name }) => [id, name]),
  );
  const hint = near === null ? `The last one is ${last?.id}` : `Did you mean ${near}?`;
  return new ClientError(
    'mission_unknown',
    wanted === '' ? 'an empty text names no mission' : `there is no mission ${wanted}`,
    last === undefined
      ? 'No mission was ever submitted here; ravenhelm status lists missions.'
      : `${hint}${near === null ? '; ravenhelm' : ' ravenhelm'} status lists them all.`,
  );
}

/** @param candidates oldest first */
function missionAmbiguous(wanted: string, candidates: readonly NamedMission[]): ClientError {
  const named = candidates.slice(-MOST_NAMED).map(({ id, name }) => `  ${id} (${name})`);
  const more = candidates.length - named.length;
  return new ClientError(
    'mission_ambiguous',
    `${candidates.length} missions are meant by ${wanted}`,
    `Give more of the id:\n${[...named, ...(more > 0 ? [`  and ${more} older ones`] : [])].join('\n')}`,
  );
}
