/** Agents' files that are changed while the swarm runs: each process has what it was started with. */
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import type { Faults } from './faults.js';
import type { Random } from './random.js';

/** Of the agents of a process that starts. */
const CHANGED = 0.3;

/** The agents as a process that starts now finds them. @param random a separate stream */
export function revised(roster: readonly AgentSpec[], faults: Faults, random: Random): readonly AgentSpec[] {
  if (!faults.on('revise')) return roster;
  return roster.map((spec) => (random.chance(CHANGED) ? { ...spec, digest: 'revision 2' } : spec));
}
