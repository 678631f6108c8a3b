/** Agents' files that are changed while the swarm runs, or are missing for a while. */
import { createLiveAgents, type LiveAgents } from '../../src/agent/live-agents.js';
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import type { Faults } from './faults.js';
import type { Random } from './random.js';
import type { SimProcess } from './sim-process.js';

/** Of the agents of a process that starts. */
const CHANGED = 0.3;

/** The agents as a process that starts now finds them. @param random a separate stream */
export function revised(roster: readonly AgentSpec[], faults: Faults, random: Random): readonly AgentSpec[] {
  if (!faults.on('revise')) return roster;
  return roster.map((spec) => (random.chance(CHANGED) ? { ...spec, digest: 'revision 2' } : spec));
}

/** Of the processes. */
const MISSING = 0.5;
const LONGEST_MS = 60_000;

interface Site {
  readonly faults: Faults;
  /** A separate stream. */
  readonly unknownRandom: Random;
}

/** The agents of a process: one may be missing from its start on or later, and comes (back) after a while. */
export function liveRoster(
  roster: readonly AgentSpec[],
  process: Pick<SimProcess, 'later'>,
  { faults, unknownRandom: random }: Site,
): LiveAgents {
  if (!faults.on('unknown') || !random.chance(MISSING)) return createLiveAgents(roster);
  const missing = random.pick(roster);
  const without = roster.filter((spec) => spec !== missing);
  const isThere = !random.chance(0.5);
  const goesMs = isThere ? random.next() * LONGEST_MS : 0;
  const awayMs = random.next() * LONGEST_MS;
  const agents = createLiveAgents(isThere ? roster : without);
  // One after the other: a process that was paused runs what waited in any order.
  const comesBack = () => process.later(awayMs, () => agents.set(roster));
  if (!isThere) comesBack();
  else
    process.later(goesMs, () => {
      agents.set(without);
      comesBack();
    });
  return agents;
}
