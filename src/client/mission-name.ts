/** How people name a mission: by its id, the beginning of it, the mission's name, or `last`. */

export interface NamedMission {
  readonly id: string;
  readonly name: string;
}

/** The newest mission, whatever others are called. */
export const LAST = 'last';

/**
 * The missions that are meant, oldest first; more than one where the words do not say which. An exact id always wins.
 * A name means its newest mission. The beginning of ids means every mission that it fits, beside one of that name.
 * @param missions oldest first
 */
export function missionsMeant(wanted: string, missions: readonly NamedMission[]): readonly NamedMission[] {
  const exact = missions.find(({ id }) => id === wanted);
  if (exact !== undefined) return [exact];
  if (wanted === LAST) return missions.slice(-1);
  if (wanted === '') return [];
  const named = missions.findLast(({ name }) => name === wanted);
  return missions.filter((mission) => mission === named || mission.id.startsWith(wanted));
}
