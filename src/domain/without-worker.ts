/** Agents that no live worker serves: what is reported of a task that waits for one. */

/** An agent without a live worker, and since when. */
export interface AgentWithoutWorker {
  readonly agent: string;
  /** ISO 8601. */
  readonly since: string;
}

/** Such as: no live worker for rag_agent since 14:03:22Z; start one: npx ravenhelm --role worker --agents rag_agent */
export function withoutWorkerMessage(agent: string, since: string, lasted: string | null = null): string {
  return `${withoutWorkerFact(agent, since, lasted)}; start one: npx ravenhelm --role worker --agents ${agent}`;
}

/** The same without what to do about it. lasted: for how long by now, as people read it. */
export function withoutWorkerFact(agent: string, since: string, lasted: string | null = null): string {
  return `no live worker for ${agent} since ${since.slice(11, 19)}Z${lasted === null ? '' : ` (${lasted})`}`;
}
