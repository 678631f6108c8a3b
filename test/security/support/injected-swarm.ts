/** A swarm in this process with the real sandbox and the built-in policy, whose model obeys what it reads. */
import { chown, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  createClient,
  createSwarm,
  defineAgent,
  memoryLog,
  type AgentEvent,
  type AttemptReport,
  type Client,
  type MissionDefinition,
  type MissionReport,
} from '../../../src/index.js';
import { SANDBOX_ACCOUNT } from '../../../src/tools/account.js';
import { startCanary, type Canary } from './canary.js';
import { startObedientModel, type Action } from './obedient-model.js';
import { createOutside, type Outside } from './outside.js';

export interface Site {
  readonly canary: Canary;
  readonly outside: Outside;
  close(): Promise<void>;
}

/** The canary and the files that nothing may reach. */
export async function openSite(): Promise<Site> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-injection-')));
  const canary = await startCanary();
  const outside = await createOutside(dir);
  return {
    canary,
    outside,
    async close() {
      await canary.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export interface InjectedMission {
  /** What each agent does for its task. */
  readonly work: Readonly<Record<string, readonly Action[]>>;
  readonly mission: Omit<MissionDefinition, 'name'>;
  /** Files of the workspace that is given; absent: the mission has its own. */
  readonly files?: Readonly<Record<string, string>>;
  /** host:port that the agents may reach. */
  readonly network?: readonly string[];
  /** Neither sandbox nor policy: shows that an attack would succeed. */
  readonly unprotected?: boolean;
  /** A call waits for a person. */
  readonly onWaiting?: (client: Client, approvalId: string) => Promise<void>;
}

export interface InjectedRun {
  readonly report: MissionReport;
  /** Of the mission, as its partition has them. */
  readonly events: readonly AgentEvent[];
  readonly attempts: readonly AttemptReport[];
}

export async function runInjected(site: Site, options: InjectedMission): Promise<InjectedRun> {
  const root = await mkdtemp(join(dirname(site.outside.dir), 'ravenhelm-injected-'));
  const network = options.network ?? [];
  const agents = Object.keys(options.work).map((name, at, all) =>
    defineAgent({
      name,
      description: 'It works.',
      prompt: `You are ${name}.`,
      // Each gets the results of those before it.
      dependsOn: all.slice(0, at),
      maxSteps: 20,
      ...(network.length === 0 ? {} : { network }),
    }),
  );
  const given = options.files === undefined ? null : await writeFiles(join(root, 'given'), options.files);
  const model = await startObedientModel(options.work);
  const swarm = await createSwarm({
    log: memoryLog(),
    agents,
    models: model.options,
    tools: { workspaceRoot: join(root, 'workspaces'), sandbox: options.unprotected !== true },
    ...(options.unprotected === true ? {} : { policy: 'default' }),
    onAsk: options.onWaiting === undefined ? 'reject' : 'wait',
  });
  const client = createClient(swarm);
  const events: AgentEvent[] = [];
  const attempts: AttemptReport[] = [];
  const answers: Promise<void>[] = [];
  try {
    const mission = { retries: 0, ...options.mission, name: 'injected' };
    const report = await client.run(mission, {
      ...(given === null ? {} : { workspace: given }),
      onEvent(event) {
        events.push(event);
        if (event.event_type !== 'task_paused' || options.onWaiting === undefined) return;
        answers.push(options.onWaiting(client, event.payload.approval_id));
      },
    });
    await Promise.all(answers);
    await client.attempts(report.mission_id, (attempt) => void attempts.push(attempt));
    return { report, events, attempts };
  } finally {
    await client.close();
    await swarm.close();
    await model.server.close();
    await rm(root, { recursive: true, force: true });
  }
}

/** A repository that strangers have written; the sandbox's user owns it. */
async function writeFiles(dir: string, files: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(dir, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  if (process.getuid?.() !== 0) return dir;
  const below = await readdir(dir, { recursive: true });
  for (const path of ['', ...below]) await chown(join(dir, path), SANDBOX_ACCOUNT.uid, SANDBOX_ACCOUNT.gid);
  return dir;
}
