/** The revisions of its agents that a worker has had: an attempt runs with the one that its assignment names. */
import type { LiveAgents } from '../../agent/live-agents.js';
import { asError } from '../../domain/as-error.js';
import type { AgentSpec } from '../../domain/agent-spec.js';
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { Clock, Timer } from '../../ports/clock.js';
import type { Logger } from '../../ports/logger.js';

export interface AgentRevisions {
  /**
   * The revision to run the attempt with: that of its assignment, or the newest where it names none or this worker
   * will not have it. null: it may come, because the files are read again; `again` is called then.
   */
  specFor(attempt: TaskAttempt, again: () => void): AgentSpec | null;
  /** The agents have changed: notes what is new, and calls back those that wait. */
  onChanged(): void;
  /** Nothing waits any more. */
  stop(): void;
}

/** Of each agent; each is a file's content. */
const MOST_KEPT = 50;

interface Waiting {
  readonly again: () => void;
  readonly timer: Timer;
}

interface Deps {
  readonly agents: LiveAgents;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** @param waitMs an orchestrator may read a changed file so much earlier than this process */
export function createAgentRevisions({ agents, clock, logger }: Deps, waitMs: number): AgentRevisions {
  const kept = createKept(agents);
  const waiting = new Map<string, Waiting>();
  const givenUp = new Set<string>();

  function wait(key: string, again: () => void): void {
    const known = waiting.get(key);
    // Its partition was given again: the one that has it now asks.
    if (known !== undefined) return void waiting.set(key, { ...known, again });
    const timer = clock.setTimer(waitMs, () => {
      const last = waiting.get(key);
      waiting.delete(key);
      givenUp.add(key);
      last?.again();
    });
    waiting.set(key, { again, timer });
    agents.refresh?.().catch((error: unknown) => logger.warn({ err: asError(error) }, 'agents.not_read'));
  }

  return {
    specFor({ key, assignment: { agent, agent_digest: wanted } }, again) {
      const named = wanted === null ? null : kept.revision(agent, wanted);
      if (wanted === null || named !== null) return named ?? kept.newest(agent);
      if (agents.refresh === null || givenUp.delete(key)) return kept.newest(agent);
      wait(key, again);
      return null;
    },
    onChanged() {
      kept.note();
      const all = [...waiting.values()];
      waiting.clear();
      for (const { again, timer } of all) {
        timer.cancel();
        again();
      }
    },
    stop() {
      for (const { timer } of waiting.values()) timer.cancel();
      waiting.clear();
    },
  };
}

interface Kept {
  /** Notes what is new. */
  note(): void;
  revision(agent: string, digest: string): AgentSpec | null;
  newest(agent: string): AgentSpec | null;
}

function createKept(agents: Pick<LiveAgents, 'list'>): Kept {
  /** By agent and digest, the newest last. */
  const kept = new Map<string, Map<string, AgentSpec>>();

  function note(): void {
    for (const spec of agents.list()) {
      const known = kept.get(spec.name) ?? new Map<string, AgentSpec>();
      known.delete(spec.digest);
      known.set(spec.digest, spec);
      const [oldest] = known.keys();
      if (known.size > MOST_KEPT && oldest !== undefined) known.delete(oldest);
      kept.set(spec.name, known);
    }
  }

  note();
  return {
    note,
    revision: (agent, digest) => kept.get(agent)?.get(digest) ?? null,
    newest: (agent) => [...(kept.get(agent)?.values() ?? [])].at(-1) ?? null,
  };
}
