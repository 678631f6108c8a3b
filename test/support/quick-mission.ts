import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createSwarmProcesses } from './swarm-processes.js';

const COUNTER = pathToFileURL(fileURLToPath(new URL('count-unhandled.mjs', import.meta.url))).href;
const AGENT = `---
name: first_agent
description: Writes a file.
phase: 1
depends_on: []
tools: [execute_terminal_command]
concurrency: 2
timeout_seconds: 60
max_steps: 10
playbooks:
  quick:
    steps:
      - { name: write, command: touch done.txt, unless: test -f done.txt }
    acceptance:
      - { name: it is there, command: test -f done.txt }
---
You write a file.
`;
const MISSION = `name: quick
brief: Write a file.
plan:
  waves:
    - tasks: [{ agent: first_agent, description: Write., playbook: quick }]
`;

/**
 * The command line's processes with one agent and a mission of a moment (mission.yaml), each of which counts what it
 * does not handle. The topics are there when it resolves.
 */
export async function createQuickSwarm(env: Readonly<Record<string, string>>) {
  const swarm = await createSwarmProcesses({
    agents: { first_agent: AGENT },
    mission: MISSION,
    flags: ['--sandbox', 'off'],
    env: { ...env, NODE_OPTIONS: `--import=${COUNTER}` },
  });
  const report = `${swarm.dir}/unhandled.txt`;
  Object.assign(swarm.env, { RAVENHELM_TEST_UNHANDLED: report });
  const { code, stderr } = await swarm.run('init');
  if (code !== 0) {
    await swarm.close();
    throw new Error(`ravenhelm init ended with ${code}: ${stderr}`);
  }
  return {
    ...swarm,
    /** What its processes did not handle; empty when there was nothing. */
    unhandled: () => (existsSync(report) ? readFileSync(report, 'utf8') : ''),
  };
}

export type QuickSwarm = Awaited<ReturnType<typeof createQuickSwarm>>;

/**
 * How a role's processes ended by themselves that should not have: giving up (4), not reaching the broker at a start
 * (3) and a stop (0) are answers to a broker that fails; a fault of the program (70) is none.
 */
export function faultsOf(roles: readonly { readonly codes: readonly (number | null)[] }[]): readonly (number | null)[] {
  return roles.flatMap(({ codes }) => codes).filter((code) => code !== 4 && code !== 3 && code !== 0);
}
