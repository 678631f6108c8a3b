import { createLiveAgents, someOf, type LiveAgents } from '../../src/agent/live-agents.js';
import { createPlanner } from '../../src/agent/planner.js';
import { createRoster } from '../../src/agent/roster.js';
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import { createCoordinationView } from '../../src/domain/coordination-view.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import type { DailyCap } from '../../src/domain/daily-spending.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import type { MissionReport } from '../../src/domain/report.js';
import type { VerifyRequest } from '../../src/domain/requests.js';
import type { VerifyAnswer } from '../../src/domain/waiting-call.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { createPlaybookModel } from '../../src/models/playbook.js';
import type { CircuitNews } from '../../src/ports/circuits.js';
import type { Appender, Log, LogRecord } from '../../src/ports/log.js';
import type { Logger } from '../../src/ports/logger.js';
import { noMetrics, type Metrics } from '../../src/ports/metrics.js';
import type { Policy } from '../../src/ports/policy.js';
import type { Tracing } from '../../src/ports/tracing.js';
import type { ProcessVitals } from '../../src/ports/vitals.js';
import type { ChatModel } from '../../src/ports/model.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createOrchestrator } from '../../src/roles/orchestrator/orchestrator.js';
import type { RetentionRule } from '../../src/roles/orchestrator/retention.js';
import type { Role } from '../../src/roles/shared/role.js';
import { createWorker } from '../../src/roles/worker/worker.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';
import { createSystemPacker } from '../../src/telemetry/system-packer.js';
import { createCrashable, type Crashable } from './crashable.js';
import {
  createScriptedTools,
  createSharedVolume,
  type Behaviour,
  type Ledger,
  type ScriptedTools,
} from './scripted-tools.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** Numbers of a process that does nothing. */
const stillVitals: ProcessVitals = {
  read: () => ({ memoryBytes: 1, heapUsedBytes: 1, loopDelayMs: { mean: 0, p99: 0, max: 0 } }),
};

export function agentSpec(name: string, overrides: Partial<AgentSpec> = {}): AgentSpec {
  const steps = [1, 2, 3].map((n) => ({ name: `step ${n}`, command: `${name} step ${n}`, unless: null }));
  return {
    name,
    description: `${name} does its work`,
    phase: 1,
    digest: 'revision 1',
    dependsOn: [],
    tools: ['execute_terminal_command'],
    models: null,
    concurrency: 4,
    timeoutSeconds: 60,
    maxSteps: 20,
    playbooks: { work: { name: 'work', steps, acceptance: [{ name: 'done', command: `${name} check` }] } },
    prompt: `You are ${name}.`,
    ...overrides,
  };
}

const liveOf = (agents: readonly AgentSpec[] | LiveAgents): LiveAgents =>
  'list' in agents ? agents : createLiveAgents(agents);

export interface RunningWorker {
  readonly role: Role;
  readonly tools: ScriptedTools;
  /** As SIGKILL would: nothing is flushed, nothing is left; the group notices as after a session timeout. */
  kill(): Promise<void>;
}

/** A test that fails before its own close() must not leave a swarm that keeps jest's process, and the reason, alive. */
const running = new Set<{ close(): Promise<void> }>();
afterEach(async () => {
  await Promise.all([...running].map((swarm) => swarm.close()));
});

/** Orchestrators and workers in one process, on a log that they share. */
export async function createRoleSwarm(options: {
  readonly roster: readonly AgentSpec[];
  readonly behaviour?: Behaviour;
  readonly chain?: readonly ChatModel[];
  readonly plannerChain?: readonly ChatModel[];
  readonly circuits?: CircuitNews;
  readonly log?: Log;
  readonly prefix?: string;
  readonly partitions?: number;
  readonly degradedReason?: string;
  readonly policy?: Policy;
  /** How long a call that the policy asks about waits for a person. Absent: it is refused at once. */
  readonly askMs?: number;
  readonly verifyAnswer?: VerifyAnswer;
  readonly verifyRequest?: VerifyRequest;
  readonly retention?: readonly RetentionRule[];
}) {
  const clock = createSystemClock();
  const ids = createSystemIds();
  const log = options.log ?? createMemoryLog({ clock });
  const topics = createTopicNames(options.prefix ?? 'test');
  const { roster, partitions = 2 } = options;
  const chain = options.chain ?? [createPlaybookModel()];
  const ledger: Ledger = {
    starts: [],
    checks: [],
    checkInputs: new Map(),
    baselines: [],
    before: [],
    prepared: [],
    late: [],
    snapshots: [],
    artifacts: [],
  };
  const volume = createSharedVolume();
  const createEvent = createEventFactory({ clock, ids });
  const topicNames = [topics.coordination, topics.status, ...roster.map((agent) => topics.tasks(agent.name))];
  await log.admin.ensureTopics(
    [...topicNames, topics.deadLetters].map((name) => ({ name, partitions, replicationFactor: null, config: {} })),
  );

  const records: LogRecord[] = [];
  const events: AgentEvent[] = [];
  const view = createCoordinationView();
  const waiting = new Set<() => void>();
  const watch = await log.watch({
    topics: topicNames,
    from: 'beginning',
    onRecord(record) {
      if (record.content.kind !== 'event') return;
      records.push(record);
      events.push(record.content.event);
      if (record.topic === topics.coordination)
        view.apply(record.partition, {
          offset: record.offset,
          timestampMs: record.timestampMs,
          event: record.content.event,
        });
      for (const check of [...waiting]) check();
    },
    onFatal: (error) => {
      throw error;
    },
  });
  const roles: Role[] = [];
  const appenders: Appender[] = [];
  let processes = 0;
  let closed: Promise<void> | null = null;

  function startProcess(own = log) {
    const process = createCrashable(own, clock);
    const appendersOfProcess = {
      coordination: process.log.createAppender('coordination'),
      tasks: process.log.createAppender('tasks'),
    };
    appenders.push(appendersOfProcess.coordination, appendersOfProcess.tasks);
    processes += 1;
    return {
      process,
      deps: {
        log: process.log,
        appenders: appendersOfProcess,
        clock: process.clock,
        ids,
        random: Math.random,
        logger: silent,
        metrics: noMetrics,
        vitals: stillVitals,
        topics,
        processId: `process-${processes}`,
        ...(options.verifyAnswer === undefined ? {} : { verifyAnswer: options.verifyAnswer }),
        ...(options.verifyRequest === undefined ? {} : { verifyRequest: options.verifyRequest }),
      },
    };
  }

  async function crash(process: Crashable, role: Role): Promise<void> {
    roles.splice(roles.indexOf(role), 1);
    await process.crash();
  }

  const swarm = {
    log,
    topics,
    ledger,
    volume,
    events,
    records,
    view,
    createEvent,
    async startOrchestrator(
      timings: object = {},
      own: {
        readonly log?: Log;
        readonly roster?: readonly AgentSpec[] | LiveAgents;
        readonly sandbox?: 'off';
        readonly verifyAnswer?: VerifyAnswer;
        readonly verifyRequest?: VerifyRequest;
        readonly logger?: Logger;
        readonly metrics?: Metrics;
        readonly tracing?: Tracing;
        readonly dailyCap?: DailyCap;
      } = {},
    ): Promise<{ readonly role: Role; kill(): Promise<void> }> {
      const { process, deps: shared } = startProcess(own.log);
      const deps = { ...shared, roster: liveOf(own.roster ?? roster) };
      const planner = createPlanner({
        chain: options.plannerChain ?? [],
        get roster() {
          return createRoster(deps.roster.list());
        },
        maxOutputTokens: 4000,
      });
      const role = createOrchestrator({
        ...deps,
        planner,
        ...(own.sandbox === undefined ? {} : { sandbox: own.sandbox }),
        ...(own.verifyAnswer === undefined ? {} : { verifyAnswer: own.verifyAnswer }),
        ...(own.verifyRequest === undefined ? {} : { verifyRequest: own.verifyRequest }),
        ...(own.logger === undefined ? {} : { logger: own.logger }),
        ...(own.metrics === undefined ? {} : { metrics: own.metrics }),
        ...(own.tracing === undefined ? {} : { tracing: own.tracing }),
        ...(own.dailyCap === undefined ? {} : { dailyCap: own.dailyCap }),
        ...(options.circuits ? { circuits: options.circuits } : {}),
        retention: () => options.retention ?? [],
        timings: { retryBackoff: { baseMs: 1, maxMs: 10 }, commitMs: 20, ...timings },
      });
      roles.push(role);
      await role.start();
      return { role, kill: () => crash(process, role) };
    },
    async startWorker(
      agents: readonly string[] = roster.map((agent) => agent.name),
      behaviour = options.behaviour,
      own: {
        readonly log?: Log;
        readonly timings?: object;
        readonly roster?: readonly AgentSpec[] | LiveAgents;
        readonly redact?: (text: string) => string;
        readonly sandbox?: 'off';
        readonly verifyAnswer?: VerifyAnswer;
        readonly tracing?: Tracing;
        readonly metrics?: Metrics;
      } = {},
    ): Promise<RunningWorker> {
      const { process, deps } = startProcess(own.log);
      const tools = createScriptedTools(ledger, volume, behaviour);
      const loopLimits = { clock, maxOutputTokens: 1000, maxPromptTokens: 8000 };
      const role = createWorker({
        ...deps,
        agents: someOf(liveOf(own.roster ?? roster), (name) => agents.includes(name)),
        chainOf: () => chain,
        tools,
        packer: createSystemPacker(),
        degradedReason: options.degradedReason ?? null,
        ...(options.circuits ? { circuits: options.circuits } : {}),
        ...(options.policy ? { policy: options.policy } : {}),
        ...(options.askMs === undefined ? {} : { askMs: options.askMs }),
        loopLimits,
        ...(own.redact === undefined ? {} : { redact: own.redact }),
        ...(own.verifyAnswer === undefined ? {} : { verifyAnswer: own.verifyAnswer }),
        ...(own.sandbox === undefined ? {} : { sandbox: own.sandbox }),
        ...(own.tracing === undefined ? {} : { tracing: own.tracing }),
        ...(own.metrics === undefined ? {} : { metrics: own.metrics }),
        timings: { commitMs: 20, ...own.timings },
      });
      roles.push(role);
      await role.start();
      return {
        role,
        tools,
        async kill() {
          tools.die();
          await crash(process, role);
        },
      };
    },
    /** The request of a person who submits a mission. */
    requestOf: (id: string, request: Partial<PayloadOf<'mission_requested'>> = {}): PayloadOf<'mission_requested'> => ({
      mission_id: id,
      name: 'test',
      brief: 'Do the work.',
      approval: 'none',
      retries: 2,
      on_failure: 'fail',
      budget: { usd: null, tokens: null, minutes: null },
      agents: roster.map((agent) => agent.name),
      success: [],
      plan: null,
      workspace: null,
      workspace_marker: 'marker',
      requested_by: 'test',
      requires: [],
      workspace_of: null,
      continues: null,
      // A mission without a plan gets the declared order where the test gives no planner's model.
      planner: request.plan == null && options.plannerChain === undefined ? 'order' : null,
      limits: {},
      signed: null,
      brief_trusted: true,
      workspace_trusted: false,
      inputs: [],
      ...request,
    }),
    async submit(request: Partial<PayloadOf<'mission_requested'>> = {}): Promise<string> {
      const partition = 0;
      const id = createMissionId({ nowMs: clock.now(), partition, random: Math.random });
      await swarm.append(
        createEvent({ type: 'mission_requested', from: 'test', missionId: id, payload: swarm.requestOf(id, request) }),
        id,
        partition,
      );
      return id;
    },
    async append(event: AgentEvent, missionId: string, partition = 0, topic = topics.coordination): Promise<void> {
      const appender = log.createAppender('test');
      await appender.append({ topic, partition, key: missionId, event });
      await appender.close();
    },
    /** Resolves when the condition holds; it is asked again after every record. */
    until(condition: () => boolean): Promise<void> {
      return new Promise((resolve) => {
        const check = () => {
          if (!condition()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      });
    },
    async ended(id: string): Promise<MissionReport> {
      await swarm.until(() => ['completed', 'failed', 'cancelled'].includes(view.report(id)?.status ?? ''));
      const report = view.report(id);
      if (report === null) throw new TypeError('an ended mission has a report');
      return report;
    },
    eventsOf: (type: AgentEvent['event_type']) => events.filter((event) => event.event_type === type),
    /** Closes once; later calls get the same promise. */
    close(): Promise<void> {
      running.delete(swarm);
      closed ??= (async () => {
        await Promise.all(roles.map((role) => role.stop(0)));
        await watch.stop();
        await Promise.all(appenders.map((appender) => appender.close()));
        if (options.log === undefined) await log.close();
      })();
      return closed;
    },
  };
  running.add(swarm);
  return swarm;
}

export type RoleSwarm = Awaited<ReturnType<typeof createRoleSwarm>>;
