/** What the agents of this process ask for, by name: it is looked up for each decision. */
import type { LiveAgents } from '../../agent/live-agents.js';
import { playbookChecks, type AgentSpec } from '../../domain/agent-spec.js';
import type { DecideContext } from '../../domain/mission-decide.js';
import { mergedReach, reachOf, type Reach } from '../../domain/taint.js';
import { mergedWrites, WRITES_NOTHING, type PlaybookWrites } from '../../domain/wave-writes.js';

export interface AgentSettings
  extends Pick<DecideContext, 'timeoutSeconds' | 'revisionOf' | 'mayReach' | 'playbookWrites'> {
  isKnown(agent: string): boolean;
  /** Takes note of the revisions that are here now. */
  onAgentsChanged(): void;
}

/** Execution deadline in seconds of a task whose agent this process does not have. */
const UNKNOWN_AGENT_TIMEOUT_SECONDS = 300;
/** What an agent reads whose file is not here is not known; so it may be anything. */
const UNKNOWN_REACH: readonly Reach[] = [
  { origin: 'unknown', detail: "the orchestrator does not have the agent's file" },
];

export function createAgentSettings(roster: LiveAgents): AgentSettings {
  let listed: readonly AgentSpec[] = [];
  let specs = new Map<string, AgentSpec>();
  /** Of all revisions that were here, also of agents that are gone: attempts of earlier ones may still run. */
  const reaches = new Map<string, readonly Reach[]>();
  const writes = new Map<string, PlaybookWrites>();

  function remember(spec: AgentSpec): void {
    reaches.set(spec.name, mergedReach(reaches.get(spec.name) ?? [], reachOf(spec)));
    for (const { name, acceptance, changes = [] } of Object.values(spec.playbooks)) {
      const key = keyOf(spec.name, name);
      writes.set(key, mergedWrites(writes.get(key) ?? WRITES_NOTHING, { acceptance, changes }));
    }
  }

  function current(): ReadonlyMap<string, AgentSpec> {
    const list = roster.list();
    if (list === listed) return specs;
    listed = list;
    specs = new Map(list.map((spec) => [spec.name, spec]));
    list.forEach(remember);
    return specs;
  }

  current();
  return {
    onAgentsChanged: () => void current(),
    isKnown: (agent) => current().has(agent),
    timeoutSeconds: (agent) => current().get(agent)?.timeoutSeconds ?? UNKNOWN_AGENT_TIMEOUT_SECONDS,
    mayReach(agent) {
      current();
      return reaches.get(agent) ?? UNKNOWN_REACH;
    },
    playbookWrites(agent, playbook) {
      current();
      return writes.get(keyOf(agent, playbook)) ?? WRITES_NOTHING;
    },
    revisionOf(agent, playbook) {
      const spec = current().get(agent);
      return spec === undefined
        ? { digest: null, playbookAcceptance: null }
        : {
            digest: spec.digest,
            playbookAcceptance: playbookChecks(spec, playbook),
            reach: reachOf(spec),
          };
    },
  };
}

const keyOf = (agent: string, playbook: string): string => JSON.stringify([agent, playbook]);
