/** What the agents of this build ask for, by name: it is looked up for each decision. */
import { playbookChanges, playbookChecks, type AgentSpec } from '../../domain/agent-spec.js';
import type { DecideContext } from '../../domain/mission-decide.js';
import { reachOf } from '../../domain/taint.js';

export type AgentSettings = Pick<DecideContext, 'timeoutSeconds' | 'revisionOf'>;

/** Execution deadline in seconds of a task whose agent this build does not have. */
const UNKNOWN_AGENT_TIMEOUT_SECONDS = 300;

export function createAgentSettings(roster: readonly AgentSpec[]): AgentSettings {
  const specs = new Map(roster.map((spec) => [spec.name, spec]));
  return {
    timeoutSeconds: (agent) => specs.get(agent)?.timeoutSeconds ?? UNKNOWN_AGENT_TIMEOUT_SECONDS,
    revisionOf(agent, playbook) {
      const spec = specs.get(agent);
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
