import { didYouMean } from '../domain/did-you-mean.js';
import type { Mission } from '../domain/mission-state.js';
import { ClientError } from './client-error.js';
import type { MissionFeed } from './mission-feed.js';

/** Throws ClientError with a suggestion when the log knows no such mission; the feed must have caught up. */
export function requireMission(feed: MissionFeed, missionId: string): Mission {
  const mission = feed.view.mission(missionId);
  if (mission !== null) return mission;
  const missions = feed.view.missions();
  const last = missions.at(-1);
  throw new ClientError(
    'mission_unknown',
    `there is no mission ${missionId}`,
    didYouMean(missionId, missions) ??
      (last === undefined
        ? 'No mission was ever submitted here.'
        : `The last one is ${last}; ravenhelm status lists them all.`),
  );
}
