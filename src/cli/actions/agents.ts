import { hostAndPort } from '../../domain/network.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { readRoster } from '../mission-source.js';
import { table } from '../table.js';

/** The agents of the configured directory. */
export async function listAgents(context: CommandContext): Promise<ExitCode> {
  const { agents } = await readRoster(context);
  if (context.json) {
    context.print(
      agents.map((agent) => ({
        name: agent.name,
        description: agent.description,
        phase: agent.phase,
        depends_on: agent.dependsOn,
        tools: agent.tools,
        models: agent.models,
        concurrency: agent.concurrency,
        timeout_seconds: agent.timeoutSeconds,
        max_steps: agent.maxSteps,
        secrets_key: agent.secretsKey ?? false,
        network: (agent.network ?? []).map(hostAndPort),
        secrets: agent.secrets ?? [],
        mounts: agent.mounts ?? [],
        docker: agent.docker ?? false,
        playbooks: Object.keys(agent.playbooks),
        topic: context.topics.tasks(agent.name),
        group: context.topics.workerGroup(agent.name),
      })),
    );
    return EXIT.done;
  }
  const rows = agents.map((agent) => [
    agent.name,
    String(agent.phase),
    agent.dependsOn.join(', ') || '-',
    Object.keys(agent.playbooks).join(', ') || '-',
    agent.description,
  ]);
  context.host.stdout.write(table([['AGENT', 'PHASE', 'DEPENDS ON', 'PLAYBOOKS', 'WHAT IT ANSWERS FOR'], ...rows]));
  return EXIT.done;
}
