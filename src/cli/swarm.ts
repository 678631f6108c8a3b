import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPlanner } from '../agent/planner.js';
import type { Planner } from '../agent/planner-contract.js';
import type { Roster } from '../agent/roster.js';
import type { AgentSpec } from '../domain/agent-spec.js';
import { parseCatalog } from '../models/catalog.js';
import { createModels, type Models } from '../models/chain.js';
import { firstTokenWithin } from '../models/ollama.js';
import type { Appender, Log } from '../ports/log.js';
import type { Metrics } from '../ports/metrics.js';
import type { ToolExecutor } from '../ports/tools.js';
import { createOrchestrator } from '../roles/orchestrator/orchestrator.js';
import type { RetentionRule } from '../roles/orchestrator/retention.js';
import type { Role, RoleDeps } from '../roles/shared/role.js';
import { createWorker } from '../roles/worker/worker.js';
import { createSystemPacker } from '../telemetry/system-packer.js';
import { workspaceMarker } from '../tools/places.js';
import { probeSandbox } from '../tools/probe.js';
import type { SystemOptions } from '../tools/sandbox.js';
import { createToolExecutor } from '../tools/tool-executor.js';
import type { CommandContext } from './context.js';
import type { ProcessHealth } from './process-health.js';
import { keysDirectory } from './secrets-key.js';

export interface NamedRole {
  readonly name: 'orchestrator' | 'worker';
  create(): Role;
}

/** The composition root: every role of this process, from the configuration and an open log. */
export interface Swarm {
  /** Each call makes a new role with appenders of its own. */
  readonly roles: readonly NamedRole[];
  /** Lines that say which models and which sandbox will be used, and why. */
  readonly banner: readonly string[];
}

export interface SwarmOptions {
  readonly roster: Roster;
  readonly orchestrator: boolean;
  /** Agents that the worker serves; empty: no worker. */
  readonly agents: readonly AgentSpec[];
  /** What the orchestrator deletes from the log when it is old and done. */
  readonly retention: readonly RetentionRule[];
  /** What the roles count, and tell of their process. */
  readonly health: Pick<ProcessHealth, 'metrics' | 'vitals'>;
}

/** Tokens that a reply may have, and a prompt for a model that names no context size. */
const WORKER_OUTPUT_TOKENS = 2_048;
const WORKER_PROMPT_TOKENS = 16_000;
const PLAN_OUTPUT_TOKENS = 16_000;
/** Packages that the toolbox's programs import; node looks for them there from /toolbox. */
const TOOLBOX_PACKAGES = ['yaml', '@electric-sql/pglite'];

/** Asks the models and tries the sandbox. Rejects with what makes a start useless: unknown models, an unusable directory. */
export async function prepareSwarm(context: CommandContext, log: Log, options: SwarmOptions): Promise<Swarm> {
  const { metrics } = options.health;
  const models = await openModels(context, metrics);
  const roles: NamedRole[] = [];
  const banner = [models.banner()];
  // The breakers are the process's: one of its roles tells of them.
  const worker = options.agents.length > 0;
  if (options.orchestrator) {
    const planner = openPlanner(options.roster, models);
    roles.push({
      name: 'orchestrator',
      create: () =>
        withOwnAppenders(context, log, metrics, (appenders) =>
          createOrchestrator({
            ...roleDeps(context, log, options, 'orchestrator', appenders),
            planner,
            retention: options.retention,
            ...(worker ? {} : { circuits: models.circuits }),
          }),
        ),
    });
  }
  if (worker) {
    const chains = new Map(options.agents.map((agent) => [agent.name, models.workerChain(agent.models)]));
    const { tools, line, impediment } = await openTools(context);
    banner.push(line);
    roles.push({
      name: 'worker',
      create: () =>
        withOwnAppenders(context, log, metrics, (appenders) =>
          createWorker({
            ...roleDeps(context, log, options, 'worker', appenders),
            agents: options.agents,
            chainOf: (agent) => chains.get(agent.name) ?? models.workerChain(agent.models),
            tools,
            circuits: models.circuits,
            impediment,
            packer: createSystemPacker(),
            loopLimits: {
              clock: context.host.clock,
              maxOutputTokens: WORKER_OUTPUT_TOKENS,
              maxPromptTokens: WORKER_PROMPT_TOKENS,
            },
          }),
        ),
    });
  }
  return { roles, banner };
}

/** The models that can be used here. Rejects with UnknownModel, NoModel or CatalogError. */
export async function openModels({ host, config: { values } }: CommandContext, metrics: Metrics): Promise<Models> {
  const file = join(host.projectDir, 'models.yaml');
  return createModels({
    catalog: parseCatalog(await readFile(file, 'utf8'), 'models.yaml'),
    clock: host.clock,
    random: host.random,
    metrics,
    ollamaLimits: firstTokenWithin(values.OLLAMA_FIRST_TOKEN_MS),
    ollamaHost: values.OLLAMA_HOST,
    anthropicKey: values.ANTHROPIC_API_KEY,
    openaiKey: values.OPENAI_API_KEY,
    anthropicBaseUrl: values.ANTHROPIC_BASE_URL,
    openaiBaseUrl: values.OPENAI_BASE_URL,
    workerModels: values.WORKER_MODELS,
    signal: host.interruption,
  });
}

export function openPlanner(roster: Roster, models: Models): Planner {
  return createPlanner({ chain: models.plannerChain(), roster, maxOutputTokens: PLAN_OUTPUT_TOKENS });
}

/** The tools, in the sandbox as it can be built here. One that cannot refuses commands; the line says the fix. */
async function openTools({ host, config: { values }, logger }: CommandContext): Promise<{
  readonly tools: ToolExecutor;
  readonly line: string;
  readonly impediment: string | null;
}> {
  await workspaceMarker(values.WORKSPACE_ROOT);
  const keys = await keysDirectory(values.WORKSPACE_ROOT);
  const packages = TOOLBOX_PACKAGES.map((name) => ({
    source: join(host.projectDir, 'node_modules', name),
    target: `/node_modules/${name}`,
  }));
  const system: SystemOptions = {
    toolboxDir: join(host.projectDir, 'toolbox'),
    extraBinds: [...packages, { source: keys, target: '/keys', variable: 'KEYS' }],
    nodePath: host.nodePath,
  };
  const sandbox = values.RAVENHELM_SANDBOX ? await probeSandbox(system) : 'off';
  const tools = createToolExecutor({
    ...system,
    workspaceRoot: values.WORKSPACE_ROOT,
    sandbox,
    clock: host.clock,
    logger,
  });
  if (sandbox === 'off')
    return {
      tools,
      line: 'Sandbox: off, as --sandbox off says: commands run with your rights on this computer',
      impediment: null,
    };
  if (sandbox.ok) return { tools, line: `Sandbox: bubblewrap ${sandbox.version}`, impediment: null };
  const impediment = `the sandbox cannot be built, so commands are refused: ${sandbox.reason}. ${sandbox.fix}`;
  return { tools, line: `Sandbox: ${impediment}`, impediment };
}

function roleDeps(
  { host, logger, topics }: CommandContext,
  log: Log,
  { roster, health }: SwarmOptions,
  role: string,
  appenders: RoleDeps['appenders'],
): RoleDeps {
  const processId = `${role}-${host.hostname}-${host.pid}-${host.ids.uuid().slice(0, 4)}`;
  return {
    log,
    appenders,
    clock: host.clock,
    ids: host.ids,
    random: host.random,
    logger: logger.child({ role, process: processId }),
    metrics: health.metrics,
    vitals: health.vitals,
    topics,
    roster: roster.agents,
    processId,
  };
}

/** A role and its two batching appenders, which are closed after it has stopped. */
function withOwnAppenders(
  { host }: CommandContext,
  log: Log,
  metrics: Metrics,
  create: (appenders: RoleDeps['appenders']) => Role,
): Role {
  const timed = (name: string): Appender => {
    const appender = log.createAppender(name);
    return {
      ...appender,
      append(request) {
        const startedMs = host.clock.monotonicMs();
        const appended = appender.append(request);
        appended.then(
          () => metrics.appended(name, host.clock.monotonicMs() - startedMs),
          () => undefined,
        ); // whoever appends has the rejection
        return appended;
      },
    };
  };
  const appenders = { coordination: timed('coordination'), tasks: timed('tasks') };
  const role = create(appenders);
  return {
    start: () => role.start(),
    failed: role.failed,
    health: () => role.health(),
    async stop(graceMs) {
      try {
        await role.stop(graceMs);
      } finally {
        await Promise.all([appenders.coordination.close(), appenders.tasks.close()]);
      }
    },
  };
}
