import type { AgentSpec } from '../domain/agent-spec.js';
import type { DailyCap } from '../domain/daily-spending.js';
import { processIdOf } from '../domain/process-id.js';
import type { VerifyRequest } from '../domain/requests.js';
import type { VerifyAnswer } from '../domain/waiting-call.js';
import type { Models } from '../models/chain.js';
import type { Appender, Log } from '../ports/log.js';
import type { ChatModel } from '../ports/model.js';
import type { Metrics } from '../ports/metrics.js';
import { createOrchestrator } from '../roles/orchestrator/orchestrator.js';
import type { Policy } from '../ports/policy.js';
import type { Tracing } from '../ports/tracing.js';
import type { Role, RoleDeps } from '../roles/shared/role.js';
import { createWorker } from '../roles/worker/worker.js';
import { createSystemPacker } from '../telemetry/system-packer.js';
import type { AgentsInForce } from './agents-in-force.js';
import type { SwarmContext } from './context.js';
import { openPlanner } from './models.js';
import { createPartitionLog } from './partition-log.js';
import type { ProcessHealth } from './process-health.js';
import type { OpenTools } from './tools.js';

export interface NamedRole {
  readonly name: 'orchestrator' | 'worker';
  /** Each call makes a new role with its own appenders. */
  create(): Role;
}

export interface RolesOptions {
  readonly log: Log;
  readonly agents: AgentsInForce;
  readonly orchestrator: boolean;
  readonly models: Models;
  /** The worker; null: none. */
  readonly worker: {
    readonly tools: OpenTools;
    readonly policy: Policy | null;
    readonly askMs: number | null;
  } | null;
  /** Whether an answer about a call that waits counts; null: every answer does. */
  readonly verifyAnswer: VerifyAnswer | null;
  /** Whether a person's request counts; null: every request does. */
  readonly verifyRequest: VerifyRequest | null;
  /** Of the whole swarm, as its orchestrators keep it; absent: no limit. */
  readonly dailyCap?: DailyCap;
  /** Where spans go; absent: no traces are sent. */
  readonly tracing?: Tracing;
  /** What the roles count and report about their process. */
  readonly health: Pick<ProcessHealth, 'metrics' | 'vitals' | 'advertised'>;
}

/** Tokens that a reply may have, and a prompt for a model that names no context size. */
const WORKER_OUTPUT_TOKENS = 2_048;
const WORKER_PROMPT_TOKENS = 16_000;

/** The roles of this process. Throws UnknownModel and NoModel for an agent whose models cannot be used. */
export function createRoles(context: SwarmContext, options: RolesOptions): readonly NamedRole[] {
  return [
    ...(options.orchestrator ? [orchestratorRole(context, options)] : []),
    ...(options.worker === null ? [] : [workerRole(context, options, options.worker)]),
  ];
}

function orchestratorRole(context: SwarmContext, options: RolesOptions): NamedRole {
  const planner = openPlanner(options.agents.roster, options.models, context.redact, options.health.metrics);
  // The breakers are the process's: one of its roles reports them.
  const circuits = options.worker === null ? { circuits: options.models.circuits } : {};
  return {
    name: 'orchestrator',
    create: () =>
      withOwnResources(context, options, 'orchestrator', (deps) =>
        createOrchestrator({
          ...deps,
          models: options.models.summary({ workers: false, planner: true }),
          planner,
          roster: options.agents.all,
          retention: options.agents.retention,
          ...(options.dailyCap === undefined ? {} : { dailyCap: options.dailyCap }),
          ...circuits,
        }),
      ),
  };
}

function workerRole(
  context: SwarmContext,
  options: RolesOptions,
  { tools, policy, askMs }: NonNullable<RolesOptions['worker']>,
): NamedRole {
  const { models, agents } = options;
  const chainOf = chainsOf(models);
  agents.served.list().forEach(chainOf); // one that cannot be used is an error of the start
  return {
    name: 'worker',
    create: () =>
      withOwnResources(context, options, 'worker', (deps) =>
        createWorker({
          ...deps,
          models: models.summary({ workers: true, planner: false }),
          agents: agents.served,
          chainOf,
          tools: tools.tools,
          ...(options.health.advertised === null ? {} : { httpAddress: options.health.advertised }),
          redact: context.redact,
          ...(policy === null ? {} : { policy }),
          ...(askMs === null ? {} : { askMs }),
          circuits: models.circuits,
          degradedReason: tools.degradedReason,
          packer: createSystemPacker(),
          loopLimits: {
            clock: context.clock,
            maxOutputTokens: WORKER_OUTPUT_TOKENS,
            maxPromptTokens: WORKER_PROMPT_TOKENS,
          },
        }),
      ),
  };
}

/** The chain of each revision of an agent is made once. */
function chainsOf(models: Models): (agent: AgentSpec) => readonly ChatModel[] {
  const chains = new WeakMap<AgentSpec, readonly ChatModel[]>();
  return (agent) => {
    const chain = chains.get(agent) ?? models.workerChain(agent.models);
    chains.set(agent, chain);
    return chain;
  };
}

function roleDeps(
  { clock, ids, random, topics }: SwarmContext,
  { log, agents, verifyAnswer, verifyRequest, health, worker, tracing }: RolesOptions,
  own: Pick<RoleDeps, 'appenders' | 'logger' | 'processId' | 'onPartition'>,
): RoleDeps {
  return {
    log,
    ...own,
    clock,
    ids,
    ...(worker?.tools.sandboxOff === true ? { sandbox: 'off' } : {}),
    random,
    metrics: health.metrics,
    ...(tracing === undefined ? {} : { tracing }),
    vitals: health.vitals,
    topics,
    warnings: agents.warnings,
    ...(verifyAnswer === null ? {} : { verifyAnswer }),
    ...(verifyRequest === null ? {} : { verifyRequest }),
  };
}

/** A role, its two batching appenders, which are closed after it has stopped, and its log. */
function withOwnResources(
  context: SwarmContext,
  options: RolesOptions,
  name: NamedRole['name'],
  create: (deps: RoleDeps) => Role,
): Role {
  const timed = (appender: string) =>
    timedAppender(context, options.log.createAppender(appender), appender, options.health.metrics);
  const appenders = { coordination: timed('coordination'), tasks: timed('tasks') };
  const processId = processIdOf(name, context.processName, context.ids.uuid());
  const logger = context.logger.child({ role: name, process: processId });
  const partitions = createPartitionLog(context.clock, logger);
  const own = { appenders, logger, processId, onPartition: partitions.onChange };
  const role = create(roleDeps(context, options, own));
  return {
    start: () => role.start(),
    failed: role.failed,
    health: () => role.health(),
    readings: () => role.readings(),
    async stop(graceMs) {
      try {
        await role.stop(graceMs);
      } finally {
        partitions.flush();
        await Promise.all([appenders.coordination.close(), appenders.tasks.close()]);
      }
    },
  };
}

function timedAppender({ clock }: SwarmContext, appender: Appender, name: string, metrics: Metrics): Appender {
  return {
    ...appender,
    append(request) {
      const startedMs = clock.monotonicMs();
      const appended = appender.append(request);
      appended.then(
        () => metrics.appended(name, clock.monotonicMs() - startedMs),
        () => undefined, // the caller has the rejection
      );
      return appended;
    },
  };
}
