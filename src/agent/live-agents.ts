/** The agents that a process has, which may change while it runs. */
import type { AgentSpec } from '../domain/agent-spec.js';

export interface LiveAgents {
  /** As they are now; a new list after each change. */
  list(): readonly AgentSpec[];
  /** Calls back after each change. Returns how to end that. */
  subscribe(listener: () => void): () => void;
  /** Reads the agents' files again now; resolves when what they say is in force. null: they never change. */
  readonly refresh: (() => Promise<void>) | null;
}

export interface ChangingAgents extends LiveAgents {
  set(agents: readonly AgentSpec[]): void;
}

export function createLiveAgents(
  first: readonly AgentSpec[],
  refresh: (() => Promise<void>) | null = null,
): ChangingAgents {
  let now = first;
  const listeners = new Set<() => void>();
  return {
    refresh,
    list: () => now,
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set(agents) {
      now = agents;
      for (const listener of [...listeners]) listener();
    },
  };
}

/** Those of the agents that the process serves, in the same order. */
export function someOf(agents: LiveAgents, isServed: (name: string) => boolean): LiveAgents {
  return { ...agents, list: () => agents.list().filter(({ name }) => isServed(name)) };
}
