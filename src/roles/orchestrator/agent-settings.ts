/** What the agents of this process ask for, by name: it is looked up for each decision. */
import type { LiveAgents } from '../../agent/live-agents.js';
import { playbookChanges, playbookChecks, type AgentSpec } from '../../domain/agent-spec.js';
import type { DecideContext } from '../../domain/mission-decide.js';
import { mergedReach, reachOf, type Reach } from '../../domain/taint.js';

export interface AgentSettings extends Pick<DecideContext, 'timeoutSeconds' | 'revisionOf' | 'mayReach'> {
  isKnown(agent: string): boolean;
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
  /** Of all revisions that were here: attempts of earlier ones may still run. */
  const reaches = new Map<string, readonly Reach[]>();

  function current(): ReadonlyMap<string, AgentSpec> {
    const list = roster.list();
    if (list === listed) return specs;
    listed = list;
    specs = new Map(list.map((spec) => [spec.name, spec]));
    for (const spec of list) reaches.set(spec.name, mergedReach(reaches.get(spec.name) ?? [], reachOf(spec)));
    return specs;
  }

  return {
    isKnown: (agent) => current().has(agent),
    timeoutSeconds: (agent) => current().get(agent)?.timeoutSeconds ?? UNKNOWN_AGENT_TIMEOUT_SECONDS,
    mayReach(agent) {
      current();
      return reaches.get(agent) ?? UNKNOWN_REACH;
    },
    revisionOf(agent, playbook) {
      const spec = current().get(agent);
      return spec === undefined
        ? { digest: null, playbookAcceptance: null, playbookChanges: [] }
        : {
            digest: spec.digest,
            playbookAcceptance: playbookChecks(spec, playbook),
            playbookChanges: playbookChanges(spec, playbook),
            reach: reachOf(spec),
          };
    },
  };
}
