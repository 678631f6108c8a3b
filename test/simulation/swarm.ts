/** The processes of a run: real roles on simulated ground, started, killed and started again. */
import type { LiveAgents } from '../../src/agent/live-agents.js';
import type { TopicNames } from '../../src/domain/topic-names.js';
import type { Ids } from '../../src/ports/clock.js';
import type { Logger } from '../../src/ports/logger.js';
import { noMetrics } from '../../src/ports/metrics.js';
import type { ChatModel } from '../../src/ports/model.js';
import type { Packer } from '../../src/ports/packer.js';
import type { RetentionRule } from '../../src/roles/orchestrator/retention.js';
import type { Role, RoleDeps } from '../../src/roles/shared/role.js';
import { ASK_MS } from './approvers.js';
import type { Faults } from './faults.js';
import type { Oracle } from './oracle.js';
import type { Random } from './random.js';
import { verifyAnswerInSimulation, verifyInSimulation } from './rogues.js';
import { liveRoster, revised } from './revisions.js';
import type { Scenario } from './scenario.js';
import type { SimLog } from './sim-log.js';
import { createSimModel, createSimPlanner, createSimPlanningModel } from './sim-models.js';
import { simPolicy } from './sim-policy.js';
import type { SimTracing } from './sim-tracing.js';
import { createSimProcess, type SimProcess } from './sim-process.js';
import type { SimVolume } from './sim-tools.js';
import type { System } from './system.js';
import type { World } from './world.js';

/** What is packed must come back; how small it is changes nothing. */
const plainPacker: Packer = {
  pack: (text) => new TextEncoder().encode(text),
  unpack: (bytes) => new TextDecoder().decode(bytes),
};

export interface SwarmOptions {
  readonly world: World;
  readonly faults: Faults;
  /** For the revisions of agents only. */
  readonly reviseRandom: Random;
  /** For the agents that a process does not have for a while. */
  readonly unknownRandom: Random;
  readonly system: System;
  readonly scenario: Scenario;
  readonly topics: TopicNames;
  readonly ids: Ids;
  readonly log: SimLog;
  readonly volume: SimVolume;
  readonly tracing: SimTracing;
  readonly oracle: Oracle;
}

export interface Swarm {
  start(kind: ProcessKind): void;
  /** Processes that live now. */
  processes(): readonly SimProcess[];
  /** As SIGKILL; another process starts after a while. */
  crash(process: SimProcess): void;
  /** As SIGTERM; another process starts when it has ended. */
  drain(process: SimProcess): void;
}

export type ProcessKind = 'worker' | 'orchestrator';

interface Running {
  readonly process: SimProcess;
  readonly kind: ProcessKind;
  readonly role: Role;
  readonly appenders: RoleDeps['appenders'];
  ending: boolean;
}

/** A process's own numbers decide nothing. */
const STILL_VITALS = { read: () => ({ memoryBytes: 0, heapUsedBytes: 0, loopDelayMs: { mean: 0, p99: 0, max: 0 } }) };
const DRAIN_GRACE_MS = 10_000;
/** Longer than people here let a mission be paused. */
const SUSPENDED_MS = 6 * 3_600_000;
/** A process that does not end is killed. */
const KILL_AFTER_MS = 30_000;

export function createSwarm(options: SwarmOptions): Swarm {
  const { world, faults, reviseRandom, system, scenario, topics, ids, log, volume, tracing, oracle } = options;
  const { random } = world;
  const running = new Map<SimProcess, Running>();
  let started = 0;
  const retentionRules: readonly RetentionRule[] = [
    { topic: topics.coordination, groupId: topics.orchestratorGroup, retentionMs: scenario.keepMs },
    ...scenario.roster.map(({ name }) => ({
      topic: topics.tasks(name),
      groupId: topics.workerGroup(name),
      retentionMs: scenario.keepMs,
    })),
  ];

  function start(kind: ProcessKind): void {
    started += 1;
    const process = createSimProcess(world, `${kind}-${started}`);
    const roster = revised(scenario.roster, faults, reviseRandom);
    oracle.onStarted(process, roster);
    const ownLog = log.of(process);
    const appenders = { coordination: ownLog.createAppender('coordination'), tasks: ownLog.createAppender('tasks') };
    const deps: RoleDeps = {
      log: ownLog,
      appenders,
      clock: process.clock,
      ids,
      random: random.next,
      logger: loggerOf(process),
      metrics: noMetrics,
      tracing: tracing.of(process),
      vitals: STILL_VITALS,
      topics,
      processId: process.id,
    };
    const agents = liveRoster(roster, process, options);
    const role = kind === 'worker' ? workerOf(process, deps, agents) : orchestratorOf(process, deps, agents);
    const entry: Running = { process, kind, role, appenders, ending: false };
    running.set(process, entry);
    world.tell(() => `${process.id} starts`);
    role.failed
      .then((error) => fail(entry, error))
      .catch((error: unknown) => oracle.report('no-broken-role', String(error)));
    role.start().catch((error: unknown) => fail(entry, error instanceof Error ? error : new Error(String(error))));
  }

  function modelsOf(process: SimProcess): (names: readonly string[]) => readonly ChatModel[] {
    const playbook = system.createPlaybookModel();
    const told: ChatModel = {
      ...playbook,
      chat(request, signal) {
        if (request.turn !== null) oracle.onTold(process, request.turn);
        return playbook.chat(request, signal);
      },
    };
    return (names) =>
      names.map((name) =>
        name === 'playbook'
          ? told
          : createSimModel({ name, world, faults, system, process, witness: oracle, chain: names }),
      );
  }

  function workerOf(process: SimProcess, deps: RoleDeps, agents: LiveAgents): Role {
    const models = modelsOf(process);
    return system.createWorker({
      ...deps,
      agents,
      chainOf: (agent) => models(scenario.chains.get(agent.name) ?? ['playbook']),
      tools: volume.executorOf(process),
      packer: plainPacker,
      ...(faults.chosen.includes('ask') ? { policy: simPolicy, askMs: ASK_MS } : {}),
      ...(faults.chosen.includes('sign') ? { verifyAnswer: verifyAnswerInSimulation } : {}),
      loopLimits: { clock: process.clock, maxOutputTokens: 500, maxPromptTokens: 4_000 },
      timings: { commitMs: scenario.commitMs, heartbeatMs: scenario.heartbeatMs, suspendedMs: SUSPENDED_MS },
    });
  }

  function orchestratorOf(process: SimProcess, deps: RoleDeps, agents: LiveAgents): Role {
    const planner = system.createPlanner({
      chain: [createSimPlanningModel({ faults, system })],
      get roster() {
        return system.createRoster(agents.list());
      },
      maxOutputTokens: 1000,
    });
    return system.createOrchestrator({
      ...deps,
      roster: agents,
      ...(faults.chosen.includes('sign')
        ? { verifyRequest: verifyInSimulation, verifyAnswer: verifyAnswerInSimulation }
        : {}),
      ...(faults.on('cap') ? { dailyCap: { usd: null, tokens: scenario.dailyTokens } } : {}),
      planner: createSimPlanner(planner, { world, faults, system, process, witness: oracle }),
      timings: {
        snapshotMs: 0, // here a snapshot takes no time
        commitMs: scenario.commitMs,
        heartbeatMs: scenario.heartbeatMs,
        silentMs: 3 * scenario.heartbeatMs,
        approvalMs: 600_000,
        attentionMs: 600_000,
        retentionMs: scenario.retentionMs,
      },
      retention: () => (faults.chosen.includes('retention') ? retentionRules : []),
    });
  }

  function loggerOf(process: SimProcess): Logger {
    const say = (level: string) => (fields: object, event: string) =>
      world.tell(() => `${process.id} ${level} ${event} ${inOneLine(fields, (error) => error.message)}`);
    const logger: Logger = {
      debug: say('debug'),
      info: say('info'),
      warn: say('warn'),
      child: () => logger,
      error(fields, event) {
        say('error')(fields, event);
        if (event.endsWith('.broken'))
          oracle.report(
            'no-broken-role',
            `${process.id} ${event} ${inOneLine(fields, (error) => error.stack ?? error.message)}`,
          );
      },
    };
    return logger;
  }

  /** The role cannot continue: its process ends, and another one starts. */
  function fail(entry: Running, error: Error): void {
    if (entry.ending || !entry.process.isAlive()) return;
    world.tell(() => `${entry.process.id} fails: ${error.message}`);
    if (!(error instanceof system.AppendFailed))
      return oracle.report('no-broken-role', `${entry.process.id}: ${error.stack ?? error.message}`);
    end(entry, random.chance(0.5) ? 0 : null);
  }

  function end(entry: Running, graceMs: number | null): void {
    if (entry.ending) return;
    entry.ending = true;
    const gone = () => {
      if (!entry.process.isAlive()) return;
      world.tell(() => `${entry.process.id} is gone`);
      entry.process.kill();
      running.delete(entry.process);
      world.at(random.delayMs(random.pick([10, 1_000, 10_000])), () => start(entry.kind));
    };
    if (graceMs === null) return gone();
    world.at(graceMs + KILL_AFTER_MS, gone);
    const stop = async () => {
      await entry.role.stop(graceMs);
      await Promise.all([entry.appenders.coordination.close(), entry.appenders.tasks.close()]);
      entry.process.later(1, gone);
    };
    stop().catch((error: unknown) =>
      oracle.report(
        'no-broken-role',
        `${entry.process.id} cannot stop: ${error instanceof Error ? error.stack : String(error)}`,
      ),
    );
  }

  const find = (process: SimProcess, work: (entry: Running) => void) => {
    const entry = running.get(process);
    if (entry !== undefined) work(entry);
  };
  return {
    start,
    processes: () => [...running.keys()],
    crash: (process) =>
      find(process, (entry) => {
        world.tell(() => `${process.id} is killed`);
        entry.ending = false;
        end(entry, null);
      }),
    drain: (process) =>
      find(process, (entry) => {
        world.tell(() => `${process.id} is asked to stop`);
        end(entry, DRAIN_GRACE_MS);
      }),
  };
}

function inOneLine(fields: object, textOf: (error: Error) => string): string {
  return JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? textOf(value) : value));
}
