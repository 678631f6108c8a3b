/** missions/hello.yaml under a personality, alone and with the playbook behind it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createClient, createSwarm, memoryLog, type MissionDefinition } from '../src/index.js';
import { loadRoster } from '../src/agent/roster.js';
import { TOOL_DEFINITIONS } from '../src/tools/definitions.js';
import type { Knowledge } from './personalities/personality.js';

export interface Hello {
  readonly agents: string;
  readonly mission: MissionDefinition;
  /** What a model knows of the task of this prompt; null: it is none of the mission's. */
  knowledge(prompt: string): Knowledge | null;
}

/** The mission with a time limit for each task, so that a slow model does not take five minutes. */
export async function readHello(projectDir: string, timeoutSeconds: number): Promise<Hello> {
  const agents = join(projectDir, 'agents');
  const roster = await loadRoster(agents, { tools: TOOL_DEFINITIONS.map(({ name }) => name), setting: 'eval' });
  const file: {
    readonly plan: { readonly waves: readonly { readonly tasks: readonly HelloTask[] }[] };
  } & MissionDefinition = parse(await readFile(join(projectDir, 'missions/hello.yaml'), 'utf8'));
  const tasks = file.plan.waves.flatMap((wave) => wave.tasks);
  const mission: MissionDefinition = {
    name: 'hello',
    brief: file.brief,
    retries: 0,
    agents: [...new Set(tasks.map(({ agent }) => agent))],
    plan: {
      waves: [
        { tasks: tasks.map(({ agent, playbook, description }) => ({ agent, playbook, description, timeoutSeconds })) },
      ],
    },
  };
  return {
    agents,
    mission,
    knowledge(prompt) {
      const task = tasks.find(({ description }) => prompt.includes(description.trim()));
      if (task === undefined) return null;
      const steps = roster.agents.find(({ name }) => name === task.agent)?.playbooks[task.playbook]?.steps ?? [];
      const solution = steps.map(({ command }) => `( ${command}\n)`).join(' && ');
      return { solution, wrong: 'true', cheat: 'true' };
    },
  };
}

interface HelloTask {
  readonly agent: string;
  readonly playbook: string;
  readonly description: string;
}

/** Whether the mission completes, verified, with this chain. */
export async function completesHello({ agents, mission }: Hello, chain: readonly string[], ollamaHost: string) {
  const swarm = await createSwarm({ log: memoryLog(), agents, models: { workers: chain, ollamaHost } });
  const client = createClient(swarm);
  try {
    const report = await client.run(mission);
    return {
      completed: report.status === 'completed' && report.tasks.every(({ status }) => status === 'verified'),
      reason: report.reason ?? '',
    };
  } finally {
    await client.close();
    await swarm.close();
  }
}
