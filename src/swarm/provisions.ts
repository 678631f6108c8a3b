/** What agents' files name beyond their workspaces, and what of it this process has. */
import type { AgentSpec } from '../domain/agent-spec.js';
import { engineSockets, findEngine } from '../tools/engine/upstream.js';
import { resolveMounts } from '../tools/mounts.js';
import { NO_PROVISIONS, problemsWith, type Provisions } from '../tools/provisions.js';
import { readSecrets, type Environment, type Provided } from '../tools/secrets.js';

export interface OpenProvisions {
  readonly provisions: Provisions;
  /** The values of secrets, which must appear nowhere. */
  readonly hidden: readonly string[];
  /** Looks up what these agents name and was not there before. Resolves with more values that must appear nowhere. */
  add(agents: readonly AgentSpec[]): Promise<readonly string[]>;
}

export interface ProvisionOptions {
  readonly agents: readonly AgentSpec[];
  /** Has the secrets, or the names of their files. */
  readonly environment: Environment;
  readonly workspaceRoot: string;
  /** Files with what no agent may read; those of the secrets are added. */
  readonly privateFiles: readonly string[];
  /** As in DOCKER_HOST; undefined: docker's own. */
  readonly dockerHost: string | undefined;
}

/** Looks up what these agents name. Never rejects for what is missing: the agent's tasks fail with the reason. */
export async function openProvisions(options: ProvisionOptions): Promise<OpenProvisions> {
  const { environment, workspaceRoot } = options;
  const secrets = new Map<string, Provided<string>>();
  const mounts = new Map<string, Provided<string>>();
  let engine: Provisions['engine'] = null;

  async function add(agents: readonly AgentSpec[]): Promise<readonly string[]> {
    const isMissing = (found: Provided<unknown> | null | undefined) => found?.ok !== true;
    const names = new Set(agents.flatMap(({ secrets: named = [] }) => named));
    const paths = new Set(agents.flatMap(({ mounts: named = [] }) => named.map(({ path }) => path)));
    const wantsEngine = agents.some(({ docker }) => docker === true) && isMissing(engine);
    const fileOf = (name: string) => environment[`${name}_FILE`] ?? [];
    const files = [...secrets.keys(), ...names].flatMap(fileOf);
    // A mount that was allowed before may hold the file of a secret that is new.
    const again = [...names].some((name) => !secrets.has(name) && fileOf(name).length > 0) ? mounts.keys() : [];
    const [moreSecrets, moreMounts, found] = await Promise.all([
      readSecrets(
        [...names].filter((name) => isMissing(secrets.get(name))),
        environment,
      ),
      resolveMounts([...new Set([...again, ...[...paths].filter((path) => isMissing(mounts.get(path)))])], {
        workspaceRoot,
        privateFiles: [...options.privateFiles, ...files],
        engineSockets: engineSockets(options.dockerHost),
      }),
      wantsEngine ? findEngine(options.dockerHost) : engine,
    ]);
    for (const [name, secret] of moreSecrets) secrets.set(name, secret);
    for (const [path, mount] of moreMounts) mounts.set(path, mount);
    engine = found;
    return [...moreSecrets.values()].flatMap((secret) => (secret.ok ? [secret.value] : []));
  }

  const hidden = await add(options.agents);
  const provisions = {
    secrets,
    mounts,
    get engine() {
      return engine;
    },
  };
  return { provisions, hidden, add };
}

/** For people: the agents whose tasks this worker will fail, and why. */
export function withheldLines(
  agents: readonly AgentSpec[],
  { provisions = NO_PROVISIONS, sandbox }: { readonly provisions?: Provisions; readonly sandbox: boolean },
): readonly string[] {
  return agents.flatMap((agent) => {
    const problems = problemsWith(agent, provisions, sandbox);
    return problems.length === 0 ? [] : [`Tasks of ${agent.name} fail here: ${problems.join('; ')}`];
  });
}
