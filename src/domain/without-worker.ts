/** Agents that no live worker serves, or that the orchestrator does not have: what is reported of a task that waits. */

/** An agent without a live worker, and since when. */
export interface AgentWithoutWorker {
  readonly agent: string;
  /** ISO 8601. */
  readonly since: string;
  /** Whether the orchestrator does not have the agent. */
  readonly unknown: boolean;
}

/** Such as: no live worker for rag_agent since 14:03:22Z; start one: npx ravenhelm --role worker --agents rag_agent */
export function withoutWorkerMessage(missing: AgentWithoutWorker, lasted: string | null = null): string {
  const { agent, unknown } = missing;
  return `${withoutWorkerFact(missing, lasted)}; ${unknown ? putFiles([agent]) : startWorker(agent)}`;
}

/** Why a mission has used up its time, and what to do. */
export const lacksAgents = (agents: readonly string[]): string =>
  `it needs agents that the orchestrator does not have (${agents.join(', ')}); ${putFiles(agents)}, ` +
  'then submit the mission again';

/** The same of agents that no live worker serves. */
export const lacksWorkers = (agents: readonly string[]): string =>
  `no live worker serves ${agents.join(', ')}; start one (npx ravenhelm --role worker --agents ${agents.join(',')}), ` +
  'then submit the mission again';

const putFiles = (agents: readonly string[]): string =>
  `put ${agents.map((agent) => `${agent}.md`).join(', ')} where the orchestrator and a worker read their agents`;

const startWorker = (agent: string): string => `start one: npx ravenhelm --role worker --agents ${agent}`;

/** The same without what to do about it. lasted: for how long by now, as people read it. */
export function withoutWorkerFact({ agent, since, unknown }: AgentWithoutWorker, lasted: string | null = null): string {
  const what = unknown ? `the orchestrator has no agent ${agent}` : `no live worker for ${agent}`;
  return `${what} since ${since.slice(11, 19)}Z${lasted === null ? '' : ` (${lasted})`}`;
}
