import { resolve } from 'node:path';
import { createRoster, loadRoster, type Roster } from '../agent/roster.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import { TOOL_DEFINITIONS } from '../tools/definitions.js';

export const TOOL_NAMES: readonly string[] = TOOL_DEFINITIONS.map((tool) => tool.name);

/** The agents, or those of a directory; setting is what a person changes to name another one. Throws ConfigError. */
export async function rosterOf(agents: string | readonly AgentSpec[], setting: string): Promise<Roster> {
  if (typeof agents !== 'string') return createRoster(agents);
  return loadRoster(resolve(agents), { tools: TOOL_NAMES, setting });
}
