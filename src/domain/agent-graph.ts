import type { AgentSpec } from './agent-spec.js';

/**
 * The agents that an agent waits for among those that are present. A dependency that is absent is passed through:
 * if a needs b, b needs c and only c is present, then a waits for c.
 */
export function nearestDependencies(
  agent: string,
  present: ReadonlySet<string>,
  roster: readonly AgentSpec[],
): readonly string[] {
  const specs = new Map(roster.map((spec) => [spec.name, spec]));
  const found = new Set<string>();
  const visited = new Set<string>([agent]);
  const visit = (name: string): void => {
    for (const dependency of specs.get(name)?.dependsOn ?? []) {
      if (visited.has(dependency)) continue;
      visited.add(dependency);
      if (present.has(dependency)) found.add(dependency);
      else visit(dependency);
    }
  };
  visit(agent);
  return [...found];
}

/** The first cycle of depends_on, as a path that returns to its start (a, b, a); null when there is none. */
export function findCycle(roster: readonly AgentSpec[]): readonly string[] | null {
  const specs = new Map(roster.map((spec) => [spec.name, spec]));
  const finished = new Set<string>();
  const search = (name: string, path: readonly string[]): readonly string[] | null => {
    const start = path.indexOf(name);
    if (start >= 0) return [...path.slice(start), name];
    if (finished.has(name)) return null;
    for (const dependency of specs.get(name)?.dependsOn ?? []) {
      const cycle = search(dependency, [...path, name]);
      if (cycle) return cycle;
    }
    finished.add(name);
    return null;
  };
  for (const spec of roster) {
    const cycle = search(spec.name, []);
    if (cycle) return cycle;
  }
  return null;
}

/**
 * The wave of each agent, from 1: its phase, or later where an agent that it waits for comes later. Phases are lower
 * bounds and dependencies win (the original DEPLOYMENT_ORDER puts secrets_agent beside the proxy_agent it needs).
 * Expects a roster without cycles. Agents outside `agents` count as satisfied, with what lies behind them respected.
 */
export function deploymentWaves(agents: readonly string[], roster: readonly AgentSpec[]): ReadonlyMap<string, number> {
  const present = new Set(agents);
  const specs = new Map(roster.map((spec) => [spec.name, spec]));
  const waves = new Map<string, number>();
  const waveOf = (name: string): number => {
    const known = waves.get(name);
    if (known !== undefined) return known;
    const after = nearestDependencies(name, present, roster).map((dependency) => waveOf(dependency) + 1);
    const wave = Math.max(specs.get(name)?.phase ?? 1, ...after);
    waves.set(name, wave);
    return wave;
  };
  for (const name of agents) waveOf(name);
  return waves;
}

/** The agents, each behind those that it depends on; otherwise by phase, then by name. */
export function inDependencyOrder(roster: readonly AgentSpec[]): readonly AgentSpec[] {
  const waves = deploymentWaves(
    roster.map((spec) => spec.name),
    roster,
  );
  const wave = (spec: AgentSpec) => waves.get(spec.name) ?? spec.phase;
  return [...roster].sort((a, b) => wave(a) - wave(b) || (a.name < b.name ? -1 : 1));
}
