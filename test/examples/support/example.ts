import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMissionFile } from '../../support/parse-mission-file.js';
import { loadRoster } from '../../../src/agent/roster.js';
import type { Check } from '../../../src/domain/events.js';
import { TOOL_DEFINITIONS } from '../../../src/tools/definitions.js';
import { requireJunit } from '../../cli/support/junit-rules.js';
import { blockOf, PROJECT, readPage } from '../../docs/support/markdown.js';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command of an example's README, as it is written there. */
export const commandOf = (name: string): string => blockOf(`examples/${name}/README.md`, 'sh', 'ravenhelm run').trim();

/** The lines that the README says that the command prints; times, tokens and taints may be between their words. */
export function shownLines(name: string): readonly RegExp[] {
  const [, block = ''] = /^## What you see\n\n```\n([\s\S]*?)^```/m.exec(readPage(`examples/${name}/README.md`)) ?? [];
  const lines = block.trim().split('\n');
  if (lines.length < 4) throw new Error(`the README of ${name} shows no report`);
  return lines.map((line) => {
    const words = line
      .trim()
      .split(/\s+/)
      .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^ *${words.join('.*')}`, 'm');
  });
}

/** Every check of an example's mission, those of its playbooks too. */
export async function checksOf(name: string): Promise<readonly Check[]> {
  const tools = TOOL_DEFINITIONS.map((tool) => tool.name);
  const roster = await loadRoster(join(PROJECT, 'examples', name, 'agents'), { tools });
  const file = join(PROJECT, 'examples', name, 'mission.yaml');
  const mission = parseMissionFile(readFileSync(file, 'utf8'), file, roster);
  const tasks = mission.plan?.waves.flatMap((wave) => wave.tasks) ?? [];
  const ofPlaybooks = roster.agents.flatMap((agent) =>
    Object.values(agent.playbooks).flatMap((playbook) => playbook.acceptance),
  );
  return [...tasks.flatMap((task) => task.acceptance), ...ofPlaybooks, ...mission.success];
}

/** A digest of every file of an example. */
export function digestOf(name: string): string {
  const hash = createHash('sha256');
  const dir = join(PROJECT, 'examples', name);
  for (const path of readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort())
    hash.update(path).update(readFileSync(path));
  return hash.digest('hex');
}

/** A user's shell in the clone with its own home and temporary directory. */
export async function createUser(env: Readonly<Record<string, string>> = {}) {
  const home = await mkdtemp(join(tmpdir(), 'ravenhelm-example-'));
  const temporary = join(home, 'tmp');
  await mkdir(temporary);
  const { PATH = '' } = process.env;

  async function shell(command: string, input = ''): Promise<Ended> {
    const child = spawn('sh', ['-c', command], {
      cwd: PROJECT,
      env: {
        PATH,
        HOME: home,
        TMPDIR: temporary,
        WORKSPACE_ROOT: join(home, 'workspaces'),
        OLLAMA_HOST: 'http://127.0.0.1:9',
        npm_config_update_notifier: 'false',
        ...env,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.end(input);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    await once(child, 'close');
    return { code: child.exitCode, stdout, stderr };
  }

  return {
    shell,
    /** A path in the home directory. */
    path: (name: string) => join(home, name),
    /** The one copy of an example's project that a command has made. */
    copy(): string {
      const [made, ...more] = readdirSync(temporary).filter((entry) =>
        existsSync(join(temporary, entry, '.ravenhelm/workspace-id')),
      );
      if (made === undefined || more.length > 0) throw new Error(`not one copy in ${temporary}`);
      return join(temporary, made);
    },
    /** The test cases of a JUnit file in the home directory that did not pass: "CLASS NAME failure". */
    notPassed(file: string): readonly string[] {
      return requireJunit(readFileSync(join(home, file), 'utf8'))
        .children.filter((element) => element.name === 'testcase' && element.children.length > 0)
        .map(
          ({ attributes, children: [end] }) => `${attributes['classname']} ${attributes['name']} ${end?.name ?? ''}`,
        );
    },
    remove: () => rm(home, { recursive: true, force: true }),
  };
}

export type User = Awaited<ReturnType<typeof createUser>>;
