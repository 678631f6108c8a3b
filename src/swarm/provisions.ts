/** What agents' files name beyond their workspaces, and what of it this process has. */
import type { AgentSpec } from '../domain/agent-spec.js';
import { engineSockets, findEngine } from '../tools/engine/upstream.js';
import { resolveMounts } from '../tools/mounts.js';
import { NO_PROVISIONS, problemsWith, type Provisions } from '../tools/provisions.js';
import { readSecrets, type Environment } from '../tools/secrets.js';

export interface OpenProvisions {
  readonly provisions: Provisions;
  /** The values of secrets, which must appear nowhere. */
  readonly hidden: readonly string[];
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
  const { agents, environment, workspaceRoot } = options;
  const names = [...new Set(agents.flatMap(({ secrets = [] }) => secrets))];
  const paths = [...new Set(agents.flatMap(({ mounts = [] }) => mounts.map(({ path }) => path)))];
  const files = names.flatMap((name) => environment[`${name}_FILE`] ?? []);
  const wantsEngine = agents.some(({ docker }) => docker === true);
  const [secrets, mounts, engine] = await Promise.all([
    readSecrets(names, environment),
    resolveMounts(paths, {
      workspaceRoot,
      privateFiles: [...options.privateFiles, ...files],
      engineSockets: engineSockets(options.dockerHost),
    }),
    wantsEngine ? findEngine(options.dockerHost) : null,
  ]);
  const hidden = [...secrets.values()].flatMap((secret) => (secret.ok ? [secret.value] : []));
  return { provisions: { secrets, mounts, engine }, hidden };
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
