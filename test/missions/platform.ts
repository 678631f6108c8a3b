import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { parseMissionFile, type MissionFile } from '../../src/agent/mission-file.js';
import { loadRoster, type Roster } from '../../src/agent/roster.js';
import type { Check } from '../../src/domain/events.js';
import type { Playbook } from '../../src/domain/agent-spec.js';
import type { CheckRun, ToolExecutor, ToolOutcome } from '../../src/ports/tools.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { probeSandbox } from '../../src/tools/probe.js';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { createToolExecutor } from '../../src/tools/tool-executor.js';
import { systemClock } from './system-clock.js';

/** Workspaces below one root, and the real executor with its sandbox; no broker, no model, no orchestrator. */
export interface Platform {
  readonly roster: Roster;
  mission(name: string): MissionFile;
  /** Runs the plan of a mission wave by wave, the tasks of a wave side by side, as playbooks say. */
  runPlan(mission: MissionFile, workspace: string): Promise<readonly TaskRun[]>;
  runPlaybook(agent: string, playbook: Playbook, workspace: string): Promise<TaskRun>;
  /** Runs a command as an agent would, with the workspace writable. */
  run(workspace: string, command: string): Promise<ToolOutcome>;
  check(workspace: string, checks: readonly Check[]): Promise<CheckRun>;
  copy(from: string, to: string): void;
  /** Where a workspace lies here. */
  directory(workspace: string): string;
}

export interface TaskRun {
  readonly agent: string;
  readonly wave: number;
  /** Names of the steps that were run; the others were skipped by unless. */
  readonly stepsRun: readonly string[];
  readonly checks: CheckRun;
}

/** Less than the tests wait: a command that hangs is then reported with what it said. */
const TIME_LIMIT_MS = 60_000;
const project = resolve('.');

export async function createPlatform(): Promise<Platform> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'ravenhelm-missions-')));
  const root = join(base, 'workspaces');
  mkdirSync(root);
  const marker = await workspaceMarker(root);
  const executor = await createExecutor(root, makeKeys(base));
  const roster = await loadRoster(join(project, 'agents'), { tools: TOOL_DEFINITIONS.map((tool) => tool.name) });
  const never = new AbortController().signal;
  let steps = 0;

  const place = (workspace: string) => ({
    missionId: workspace,
    taskId: `task-${++steps}`,
    attempt: 1,
    workspace: null,
    workspaceMarker: marker,
  });
  const run: Platform['run'] = (workspace, command) =>
    executor.run(
      {
        task: place(workspace),
        step: 1,
        claimOffset: 1,
        timeLimitMs: TIME_LIMIT_MS,
        tool: 'execute_terminal_command',
        arguments: { command },
      },
      never,
    );
  const check: Platform['check'] = (workspace, checks) =>
    executor.runChecks({ task: place(workspace), step: 1, claimOffset: 1, timeLimitMs: TIME_LIMIT_MS, checks }, never);

  async function runPlaybook(agent: string, playbook: Playbook, workspace: string, wave = 0): Promise<TaskRun> {
    const stepsRun: string[] = [];
    for (const step of playbook.steps) {
      if (step.unless !== null && (await run(workspace, step.unless)).exitCode === 0) continue;
      const outcome = await run(workspace, step.command);
      if (outcome.exitCode !== 0) throw new Error(`${agent}: step ${step.name}: ${outcome.observation}`);
      stepsRun.push(step.name);
    }
    return { agent, wave, stepsRun, checks: await check(workspace, playbook.acceptance) };
  }

  async function runPlan(mission: MissionFile, workspace: string): Promise<readonly TaskRun[]> {
    const runs: TaskRun[] = [];
    for (const wave of mission.plan?.waves ?? []) {
      const tasks = wave.tasks.map((task) =>
        runPlaybook(task.agent, playbookOf(roster, task.agent, task.playbook), workspace, wave.wave_number),
      );
      runs.push(...(await Promise.all(tasks)));
    }
    return runs;
  }

  return {
    roster,
    mission: (name) => parseMissionFile(readFileSync(join(project, 'missions', name), 'utf8'), name, roster),
    runPlan,
    runPlaybook,
    run,
    check,
    // -a keeps the owner: files of mode 600 stay readable for the sandbox's account.
    copy: (from, to) => void execFileSync('cp', ['-a', join(root, from), join(root, to)]),
    directory: (workspace) => join(root, workspace),
  };
}

export function playbookOf(roster: Roster, agent: string, name: string | null): Playbook {
  const playbook = roster.byName(agent)?.playbooks[name ?? ''];
  if (playbook === undefined) throw new Error(`${agent} has no playbook ${name}`);
  return playbook;
}

async function createExecutor(workspaceRoot: string, keys: string): Promise<ToolExecutor> {
  const toolboxDir = join(project, 'toolbox');
  const packages = ['yaml', '@electric-sql/pglite'].map((name) => ({
    source: join(project, 'node_modules', name),
    target: `/node_modules/${name}`,
  }));
  const extraBinds = [...packages, { source: keys, target: '/keys' }];
  const sandbox = await probeSandbox({ toolboxDir, extraBinds, nodePath: process.execPath });
  if (!sandbox.ok) throw new Error(`these tests need bubblewrap: ${sandbox.reason}. ${sandbox.fix}`);
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => logger };
  return createToolExecutor({
    workspaceRoot,
    toolboxDir,
    sandbox,
    extraBinds,
    nodePath: process.execPath,
    clock: systemClock,
    logger,
  });
}

/** A directory with secrets.key, which the sandbox's account can read and the workspace does not contain. */
function makeKeys(base: string): string {
  const keys = join(base, 'keys');
  mkdirSync(keys);
  const file = join(keys, 'secrets.key');
  writeFileSync(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o400 });
  if (process.getuid?.() === 0) chownSync(file, SANDBOX_ACCOUNT.uid, SANDBOX_ACCOUNT.gid);
  return keys;
}
