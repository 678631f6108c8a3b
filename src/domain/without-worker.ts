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
  const cure = unknown
    ? `put ${agent}.md where the orchestrator and a worker read their agents`
    : `start one: npx ravenhelm --role worker --agents ${agent}`;
  return `${withoutWorkerFact(missing, lasted)}; ${cure}`;
}

/** The same without what to do about it. lasted: for how long by now, as people read it. */
export function withoutWorkerFact({ agent, since, unknown }: AgentWithoutWorker, lasted: string | null = null): string {
  const what = unknown ? `the orchestrator has no agent ${agent}` : `no live worker for ${agent}`;
  return `${what} since ${since.slice(11, 19)}Z${lasted === null ? '' : ` (${lasted})`}`;
}
