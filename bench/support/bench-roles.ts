/** The product's roles as a bench runs them: real ones on a real log, with a model and tools that take no time. */
import { randomUUID } from 'node:crypto';
import { createLiveAgents } from '../../src/agent/live-agents.js';
import { createPlanner } from '../../src/agent/planner.js';
import { createRoster } from '../../src/agent/roster.js';
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import type { TopicNames } from '../../src/domain/topic-names.js';
import type { Appender, Log } from '../../src/ports/log.js';
import { noMetrics } from '../../src/ports/metrics.js';
import type { ChatModel } from '../../src/ports/model.js';
import type { ToolExecutor } from '../../src/ports/tools.js';
import { createOrchestrator } from '../../src/roles/orchestrator/orchestrator.js';
import type { Role, RoleDeps } from '../../src/roles/shared/role.js';
import { createWorker } from '../../src/roles/worker/worker.js';
import { createProcessVitals } from '../../src/telemetry/process-vitals.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';
import { createSystemPacker } from '../../src/telemetry/system-packer.js';
import { silent } from './product-log.js';
import { NOTHING_TOOL } from './stubs.js';

export interface BenchRoleOptions {
  readonly log: Log;
  readonly topics: TopicNames;
  readonly roster: readonly AgentSpec[];
}

export interface RunningRole {
  readonly role: Role;
  stop(): Promise<void>;
}

export const specOf = (name: string, concurrency: number, maxSteps: number): AgentSpec => ({
  name,
  description: `${name} does nothing.`,
  phase: 1,
  digest: 'revision 1',
  dependsOn: [],
  tools: [NOTHING_TOOL],
  models: null,
  concurrency,
  timeoutSeconds: 600,
  maxSteps,
  playbooks: {},
  prompt: 'You do nothing.',
});

/**
 * Started; a failure of it ends the bench.
 * @param coordination what its decisions are appended with; default: an own appender
 */
export async function startOrchestrator(
  options: BenchRoleOptions,
  coordination?: (appender: Appender) => Appender,
): Promise<RunningRole> {
  return run(options, 'orchestrator', (deps) =>
    createOrchestrator({
      ...deps,
      appenders: {
        ...deps.appenders,
        coordination: coordination?.(deps.appenders.coordination) ?? deps.appenders.coordination,
      },
      roster: createLiveAgents(options.roster),
      planner: createPlanner({ chain: [], roster: createRoster(options.roster), maxOutputTokens: 4000 }),
    }),
  );
}

export async function startWorker(
  options: BenchRoleOptions,
  model: ChatModel,
  tools: ToolExecutor,
): Promise<RunningRole> {
  return run(options, 'worker', (deps) =>
    createWorker({
      ...deps,
      agents: createLiveAgents(options.roster),
      chainOf: () => [model],
      tools,
      packer: createSystemPacker(),
      loopLimits: { clock: deps.clock, maxOutputTokens: 1000, maxPromptTokens: 32_000 },
    }),
  );
}

async function run(
  { log, topics }: BenchRoleOptions,
  name: string,
  create: (deps: RoleDeps) => Role,
): Promise<RunningRole> {
  const vitals = createProcessVitals();
  const appenders = { coordination: log.createAppender('coordination'), tasks: log.createAppender('tasks') };
  const role = create({
    log,
    appenders,
    clock: createSystemClock(),
    ids: createSystemIds(),
    random: Math.random,
    logger: silent,
    metrics: noMetrics,
    vitals,
    topics,
    processId: `${name}-${randomUUID().slice(0, 8)}`,
  });
  await role.start();
  void role.failed.then((error) => {
    throw error;
  });
  return {
    role,
    async stop() {
      await role.stop(0);
      await Promise.all([appenders.coordination.close(), appenders.tasks.close()]);
      vitals.stop();
    },
  };
}
