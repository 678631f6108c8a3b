/** The agents that the roles of a process work with, and how changed ones come into force while they run. */
import { createLiveAgents, someOf, type ChangingAgents, type LiveAgents } from '../agent/live-agents.js';
import type { Problem } from '../agent/config-error.js';
import type { Refuse } from '../agent/reread-roster.js';
import type { Roster } from '../agent/roster.js';
import { asError } from '../domain/as-error.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import type { RetentionRule } from '../roles/orchestrator/retention.js';
import type { SwarmContext } from './context.js';

export interface AgentsInForce {
  /** Every agent of the swarm. */
  readonly all: LiveAgents;
  /** Those that this process's worker serves. */
  readonly served: LiveAgents;
  roster(): Roster;
  /** What the orchestrator deletes from the log when it is old and done. */
  retention(): readonly RetentionRule[];
  /** What a person should correct, one sentence each: files that cannot be used, topics that cannot be created. */
  warnings(): readonly string[];
  /** Whether an agent waits for its topic: then the same update is worth another attempt. */
  isWaiting(): boolean;
  /** Which of these agents this process cannot use, as the start finds it; with them no update should be made. */
  problemsOf(next: Roster): readonly Problem[];
  /**
   * Takes the agents over. A new one comes into force when its topic is there. Never rejects: what is in the way is a
   * warning. @param problems of files that cannot be used
   */
  update(next: Roster, problems: readonly string[]): Promise<void>;
}

export interface AgentsInForceOptions {
  readonly first: Roster;
  /** Names that the worker serves; null: every agent. */
  readonly serves: readonly string[] | null;
  readonly retention: readonly RetentionRule[];
  /** Reads the files again now; null: they are not watched. */
  readonly refresh: (() => Promise<void>) | null;
  readonly refuse: Refuse;
  /** Whether this process uses the agent's topic. */
  usesTopic(name: string): boolean;
  /** Creates the agent's topic if it is missing. Rejects when it cannot be used. */
  prepareTopic(roster: Roster, agent: string): Promise<readonly RetentionRule[]>;
  /** Looks up what these agents may have beyond their workspaces. Resolves with what is missing, one line each. */
  provide(agents: readonly AgentSpec[]): Promise<readonly string[]>;
}

interface Parts extends AgentsInForceOptions {
  readonly logger: SwarmContext['logger'];
  readonly all: ChangingAgents;
  roster: Roster;
  rules: readonly RetentionRule[];
  problems: readonly string[];
  /** By agent: why it is not in force yet. */
  readonly withoutTopic: Map<string, string>;
}

export function createAgentsInForce(
  { logger }: Pick<SwarmContext, 'logger'>,
  options: AgentsInForceOptions,
): AgentsInForce {
  const { first, refresh, retention: rules } = options;
  const all = createLiveAgents(first.agents, refresh);
  const parts: Parts = { ...options, logger, all, roster: first, rules, problems: [], withoutTopic: new Map() };
  /** One after the other: the roster that was given last is the one that stays. */
  let updating = Promise.resolve();
  return {
    all,
    served: someOf(all, (name) => isServed(parts, name)),
    roster: () => parts.roster,
    retention: () => parts.rules,
    warnings: () => [
      ...parts.problems.map((problem) => `${problem} (what was in force stays)`),
      ...parts.withoutTopic.values(),
    ],
    isWaiting: () => parts.withoutTopic.size > 0,
    problemsOf: (next) =>
      next.agents.flatMap((agent) => {
        const why = options.refuse(agent);
        return why === null ? [] : [next.problemOf(agent.name, why.message, why.fix)];
      }),
    update: (next, problems) => (updating = updating.catch(() => undefined).then(() => update(parts, next, problems))),
  };
}

async function update(parts: Parts, next: Roster, problems: readonly string[]): Promise<void> {
  const { logger } = parts;
  sayProblems(parts, problems);
  const agents = await withTopics(parts, next);
  const change = changeOf(parts.roster.agents, agents);
  if (change === null) return;
  const isNews = ({ name }: AgentSpec) => change.added.includes(name) || change.changed.includes(name);
  const news = agents.filter((agent) => isServed(parts, agent.name) && isNews(agent));
  for (const line of await parts.provide(news)) logger.warn({ line }, 'agent.withheld');
  parts.roster = next.subset(agents.map(({ name }) => name));
  logger.info(change, 'agents.changed');
  parts.all.set(parts.roster.agents);
}

const isServed = ({ serves }: Parts, name: string): boolean => serves?.includes(name) ?? true;

function sayProblems(parts: Parts, problems: readonly string[]): void {
  const before = parts.problems;
  parts.problems = problems;
  if (problems.join('\n') === before.join('\n')) return;
  if (problems.length === 0) parts.logger.info({}, 'agents.valid_again');
  else parts.logger.warn({ problems }, 'agents.invalid');
}

/** Resolves with the agents that can come into force. */
async function withTopics(parts: Parts, next: Roster): Promise<readonly AgentSpec[]> {
  const { withoutTopic, logger } = parts;
  const said = new Set(withoutTopic.values());
  withoutTopic.clear();
  for (const { name } of next.agents) {
    if (parts.roster.byName(name) !== undefined || !parts.usesTopic(name)) continue;
    try {
      const rules = await parts.prepareTopic(next, name);
      const others = parts.rules.filter(({ topic }) => rules.every((rule) => rule.topic !== topic));
      parts.rules = [...others, ...rules];
    } catch (cause) {
      const error = asError(cause);
      const why = `the agent ${name} is not in force: ${error.message}`;
      withoutTopic.set(name, why);
      if (!said.has(why)) logger.warn({ agent: name, error }, 'agent.without_topic');
    }
  }
  return next.agents.filter(({ name }) => !withoutTopic.has(name));
}

interface Change {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** null: nothing. */
function changeOf(before: readonly AgentSpec[], now: readonly AgentSpec[]): Change | null {
  const old = new Map(before.map(({ name, digest }) => [name, digest]));
  const names = new Set(now.map(({ name }) => name));
  const added = now.flatMap(({ name }) => (old.has(name) ? [] : [name]));
  const changed = now.flatMap(({ name, digest }) => (old.has(name) && old.get(name) !== digest ? [name] : []));
  const removed = [...old.keys()].filter((name) => !names.has(name));
  return added.length + changed.length + removed.length === 0 ? null : { added, changed, removed };
}
