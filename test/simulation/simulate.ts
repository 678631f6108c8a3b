/** One seed, one run: the same in every detail, however often it is run. */
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { AgentEvent } from '../../src/domain/events.js';
import type { LogRecord, PartitionId } from '../../src/ports/log.js';
import { createApprovers } from './approvers.js';
import type { SimCap } from './cap-oracle.js';
import { chooseFaults, FAULT_NAMES, type Fault, type Faults } from './faults.js';
import { chooseLargeWave } from './large-wave.js';
import { createOracle } from './oracle.js';
import { createFrozenComputers } from './frozen-computers.js';
import { createContinuers } from './continuers.js';
import { createPeople } from './people.js';
import { createRandom } from './random.js';
import { createRogues } from './rogues.js';
import { runSteps } from './run-steps.js';
import { createSimTracing } from './sim-tracing.js';
import { createScenario, reachesNetwork, type Scenario, withCap, withNetwork } from './scenario.js';
import { createSimLog } from './sim-log.js';
import { createSimVolume } from './sim-tools.js';
import { createStrangers } from './strangers.js';
import { createSteerers } from './steerers.js';
import { createSwarm } from './swarm.js';
import type { System } from './system.js';
import { createTrouble } from './trouble.js';
import { textHash } from './text-hash.js';
import { Violation } from './violation.js';
import { createWorld, EPOCH_MS } from './world.js';

export interface SimulationOptions {
  readonly seed: number;
  readonly system: System;
  /** Faults that may happen; default all. */
  readonly faults?: readonly Fault[];
  /** Keeps the run's story. */
  readonly tracing?: boolean;
}

export interface SimulationResult {
  readonly seed: number;
  /** The first promise that was broken. */
  readonly violation: Violation | null;
  readonly faults: readonly Fault[];
  readonly steps: number;
  readonly simulatedMs: number;
  /** A digest of everything that was written to the log, and when. */
  readonly fingerprint: number;
  readonly story: readonly string[];
}

/** Partitions that tasks topics may grow to. */
const MOST_PARTITIONS = 4;
/** Looked for an end every so many steps. */
const LOOK_EVERY = 32;
/** Enough for six hours, which a paused attempt of a lost mission waits for: some 20 steps a second of the run. */
const MOST_STEPS = 600_000;
/** When nothing goes wrong any more, everything ends within this time; late duplicates included. */
const LONGEST_MS = 24 * 3_600_000;

/**
 * Separate random streams, so that seeds without requests of new attempts, without changed agents, large waves,
 * policies that ask and the real reading machine (the recorded ones) stay the same runs.
 */
const RETRY_STREAM = 0x1045;
const REVISE_STREAM = 0x233e;
const WAVE_STREAM = 0x3002;
const READER_STREAM = 0x3ecb8;
/** Chosen so that no recorded seed has policies that ask. */
const ASK_STREAM = 0x6a8a;
/** Chosen so that no recorded seed but those of its mutants has operators. */
const SIGN_STREAM = 0x53db;
/** Chosen so that in no recorded seed but those of its mutants a process lacks an agent. */
const UNKNOWN_STREAM = 0x41a7;
/** Chosen so that no recorded seed but those of its mutants has people who steer. */
const STEER_STREAM = 0x5809b;
/** Chosen so that no recorded seed but those of its mutants has people who continue missions. */
const AGAIN_STREAM = 0x70b72;
/** Chosen so that no recorded seed but those of its mutants has computers that are paused. */
const FREEZE_STREAM = 0xf4f0d;
/** Chosen so that no recorded seed but that of its mutant has a daily cap. */
const CAP_STREAM = 0xca3cd1;
/** Chosen so that in no recorded seed but those of its mutants spans are sent late. */
const EXPORT_STREAM = 0x123055;
/** Which agent reaches the network, in some seeds. */
const TAINT_STREAM = 0x7a1f7;
/** Faults with which a process may see a record much later. */
const SLOW: readonly Fault[] = ['stall', 'zombie', 'move', 'delay', 'fail', 'freeze'];
/** Of the seeds: their groups' members are the real reading machine. */
const READER_SHARE = 0.25;
/** The same for what was there before a task. */
const BASELINE_STREAM = 0xba5e;

/** Processes whose clocks jump do not know which day it is. */
const capOf = ({ dailyTokens: tokens, faultsEndMs }: Scenario, { chosen }: Faults): SimCap | null =>
  tokens === null || chosen.includes('clock') ? null : { tokens, untilMs: EPOCH_MS + faultsEndMs };

export async function simulate({
  seed,
  system,
  faults: allowed = FAULT_NAMES,
  tracing = false,
}: SimulationOptions): Promise<SimulationResult> {
  const world = createWorld(seed, tracing);
  const { random } = world;
  const retryRandom = createRandom(seed ^ RETRY_STREAM);
  const baselineRandom = createRandom(seed ^ BASELINE_STREAM);
  const reviseRandom = createRandom(seed ^ REVISE_STREAM);
  const readerRandom = createRandom(seed ^ READER_STREAM);
  const askRandom = createRandom(seed ^ ASK_STREAM);
  const signRandom = createRandom(seed ^ SIGN_STREAM);
  const unknownRandom = createRandom(seed ^ UNKNOWN_STREAM);
  const steerRandom = createRandom(seed ^ STEER_STREAM);
  const againRandom = createRandom(seed ^ AGAIN_STREAM);
  const freezeRandom = createRandom(seed ^ FREEZE_STREAM);
  const capRandom = createRandom(seed ^ CAP_STREAM);
  const exportRandom = createRandom(seed ^ EXPORT_STREAM);
  const readsForReal = readerRandom.chance(READER_SHARE);
  const faults = chooseFaults(
    random,
    {
      retry: retryRandom,
      revise: reviseRandom,
      overwrite: readerRandom,
      ask: askRandom,
      sign: signRandom,
      unknown: unknownRandom,
      steer: steerRandom,
      again: againRandom,
      cap: capRandom,
      export: exportRandom,
      freeze: freezeRandom,
    },
    allowed.filter((fault) => fault !== 'overwrite' || readsForReal),
  );
  const drawn = createScenario(random, faults, chooseLargeWave(createRandom(seed ^ WAVE_STREAM)));
  const scenario = withCap(withNetwork(drawn, createRandom(seed ^ TAINT_STREAM)), faults, capRandom);
  const topics = createTopicNames('sim');
  const taskTopics = scenario.roster.map(({ name }) => topics.tasks(name));
  let taskPartitions = scenario.taskPartitions;
  const oracle = createOracle({
    topics,
    coordinationPartitions: scenario.coordinationPartitions,
    taskTopics,
    taskPartitions: MOST_PARTITIONS,
    asksPeople: faults.chosen.includes('ask'),
    signs: faults.chosen.includes('sign'),
    isPrompt: !faults.chosen.some((fault) => SLOW.includes(fault)),
    cap: capOf(scenario, faults),
    reaching: scenario.roster.filter(reachesNetwork).map(({ name }) => name),
    lacksAgents: faults.chosen.includes('unknown'),
  });
  const ids = {
    uuid: () =>
      `${((random.next() * 2 ** 32) >>> 0).toString(16).padStart(8, '0')}-` +
      `${((random.next() * 2 ** 32) >>> 0).toString(16).padStart(8, '0')}`,
  };
  let fingerprint = 0;

  const log = createSimLog({
    world,
    faults,
    system,
    readsForReal,
    report: (invariant, detail) => oracle.report(invariant, detail),
    groups: {
      [topics.orchestratorGroup]: topics.coordination,
      ...Object.fromEntries(scenario.roster.map(({ name }) => [topics.workerGroup(name), topics.tasks(name)])),
    },
    partitionCount: (topic) =>
      topic === topics.coordination
        ? scenario.coordinationPartitions
        : topic === topics.status || topic === topics.deadLetters
          ? 1
          : taskPartitions,
    onWritten,
    onCommit(partition, committed) {
      world.tell(
        () => `  commits ${partition.topic}[${partition.partition}] at ${committed.offset} ${committed.metadata}`,
      );
      oracle.onCommit(partition, committed);
    },
    onDelivered: oracle.onDelivered,
    onDeadLetter: oracle.onDeadLetter,
    onRefused: oracle.onRefused,
    onDelete: (partition, beforeOffset) => oracle.onDelete(partition, beforeOffset, committedOf(partition)),
    moment: (process) => trouble.moment(process),
  });
  log.createTopics([
    { name: topics.coordination, partitions: scenario.coordinationPartitions },
    { name: topics.status, partitions: 1 },
    { name: topics.deadLetters, partitions: 1 },
    ...taskTopics.map((name) => ({ name, partitions: MOST_PARTITIONS })),
  ]);
  const volume = createSimVolume({
    world,
    faults,
    system,
    baselineRandom,
    frozen: createFrozenComputers({ world, faults, random: freezeRandom }),
    beforeSpawn: (process) => trouble.beforeSpawn(process),
    beforeEnd: (process) => trouble.beforeSpawn(process),
    onBaseline: oracle.onBaseline,
    onSnapshot: oracle.onSnapshot,
    onStart(start) {
      world.tell(
        () =>
          `${start.process.id} STARTS ${start.call.task.taskId}/${start.call.task.attempt}#${start.call.step} ` +
          `${start.call.tool} under claim ${start.call.claimOffset}`,
      );
      oracle.onStart(start);
    },
    onEnd: oracle.onEnd,
    onSecondStart: oracle.onSecondStart,
  });
  const swarm = createSwarm({
    world,
    faults,
    reviseRandom,
    unknownRandom,
    system,
    scenario,
    topics,
    ids,
    log,
    volume,
    tracing: createSimTracing({ world, faults, random: exportRandom, onReceived: oracle.onSpan }),
    oracle,
  });
  const people = createPeople({ world, faults, retryRandom, scenario, ids, coordination: topics.coordination, log });
  const rogues = createRogues({ world, random: signRandom, ids, coordination: topics.coordination, log });
  const approvers = createApprovers({
    ...{ world, faults, random: askRandom, ids, coordination: topics.coordination, log },
  });
  const steerers = createSteerers({
    ...{ world, faults, random: steerRandom, ids, coordination: topics.coordination, log },
    mission: (id) => oracle.missions().flatMap(({ state }) => state.missions.get(id) ?? [])[0],
  });
  const continuers = createContinuers({
    ...{ world, faults, random: againRandom, ids, people },
    partitionOf: (id) => oracle.missions().find(({ state }) => state.missions.has(id))?.state,
  });
  const trouble = createTrouble({
    world,
    faults,
    scenario,
    swarm,
    log,
    recreate,
    grow: () => (taskPartitions = Math.min(MOST_PARTITIONS, taskPartitions + 1)),
  });

  /** An operator's last resort: the orchestrators are stopped, the topic and what the group committed are deleted. */
  function recreate(): void {
    world.tell(() => `${topics.coordination} is recreated`);
    for (const process of swarm.processes()) if (process.id.startsWith('orchestrator')) swarm.crash(process);
    log.createTopics([{ name: topics.coordination, partitions: scenario.coordinationPartitions }]);
    log.group(topics.orchestratorGroup).forget();
    oracle.forgetMissions();
    people.forget();
  }

  function onWritten(record: LogRecord): void {
    const { content } = record;
    const what = content.kind === 'event' ? content.event.event_id : content.reason;
    fingerprint =
      Math.imul(
        fingerprint ^ textHash(`${record.topic}${record.partition}@${record.offset} ${what} ${record.timestampMs}`),
        0x01000193,
      ) >>> 0;
    oracle.onWritten(record);
    if (content.kind !== 'event') return;
    const { event } = content;
    trouble.onWritten(event);
    if (faults.chosen.includes('sign')) tempt(record.topic, event);
    if (faults.on('steer') && record.topic === topics.coordination) steer(event, record.partition);
    if (event.event_type === 'task_paused') approvers.onPaused(event, record.partition);
    if (event.event_type === 'call_proposed') approvers.onProposed(event, record);
    if (faults.on('again') && record.topic === topics.coordination) continueAfter(event);
    if (event.event_type === 'attention_requested') people.onAsked(event, record.partition);
    if (event.event_type === 'task_assigned' && record.topic === topics.coordination)
      people.onAssigned(event, record.partition);
    if (event.event_type === 'partition_claimed' && record.topic !== topics.coordination) people.onTakenOver();
    if (event.event_type !== 'plan_proposed') return;
    const approval = oracle.missions()[record.partition]?.state.missions.get(event.payload.mission_id)
      ?.request.approval;
    if (approval !== undefined) people.onProposed(event, approval, record.partition);
  }

  function continueAfter({ event_type, payload }: AgentEvent): void {
    if (event_type === 'mission_completed' || event_type === 'mission_failed' || event_type === 'mission_cancelled')
      continuers.onEnded(payload.mission_id);
  }

  function steer({ event_type, payload }: AgentEvent, partition: number): void {
    if (event_type === 'mission_requested') steerers.onRequested(payload.mission_id, partition);
    if (event_type === 'task_assigned') steerers.onAssigned(payload.mission_id, partition);
  }

  function tempt(topic: string, event: AgentEvent): void {
    if (topic !== topics.coordination && event.event_type === 'task_assigned') rogues.onSent(event);
    if (topic !== topics.coordination) return;
    if (event.event_type === 'mission_requested') rogues.onRequested(event);
    if (event.event_type === 'plan_requested') rogues.onPlanRequested(event);
    if (event.event_type === 'plan_proposed') rogues.onProposed(event);
    if (event.event_type === 'task_assigned') rogues.onAssigned(event);
  }

  const committedOf = (id: PartitionId) =>
    log
      .groups()
      .find((group) => groupTopic(group.id) === id.topic)
      ?.replayPoint(id.partition) ?? null;
  const groupTopic = (groupId: string) =>
    groupId === topics.orchestratorGroup
      ? topics.coordination
      : taskTopics.find((_, index) => groupId === topics.workerGroup(scenario.roster[index]?.name ?? ''));
  const unfinished = () =>
    people.waiting() + continuers.waiting() > 0
      ? new Violation('converges', 'missions will still be asked for')
      : oracle.unfinished(people.requested, committedOf);

  world.tell(
    () =>
      `seed ${seed}: ${scenario.workers} workers, ${scenario.orchestrators} orchestrators, ` +
      `${scenario.roster.map(({ name }) => `${name} (${scenario.chains.get(name)?.join(', ')})`).join(', ')}; ` +
      `faults: ${faults.chosen.join(', ') || 'none'}`,
  );
  for (let i = 0; i < scenario.workers; i++) swarm.start('worker');
  for (let i = 0; i < scenario.orchestrators; i++) swarm.start('orchestrator');
  people.begin();
  createStrangers({ world, faults, scenario, ids, log, topics: [topics.coordination, ...taskTopics] }).begin();
  trouble.begin();
  const onUnhandled = (reason: unknown) =>
    oracle.report(
      'no-unhandled-rejection',
      reason instanceof Error ? (reason.stack ?? reason.message) : String(reason),
    );
  process.on('unhandledRejection', onUnhandled);
  let steps = 0;
  /** False when the run is over. */
  function next(): boolean {
    if (oracle.violation() !== null) return false;
    if (steps % LOOK_EVERY === 0 && trouble.isOver() && unfinished() === null) return false;
    if (steps > MOST_STEPS || world.now() > scenario.faultsEndMs + LONGEST_MS) {
      const what = unfinished();
      oracle.report(what?.invariant ?? 'converges', what?.detail ?? 'trouble is not over');
      return false;
    }
    steps += 1;
    if (!world.step()) oracle.report('converges', `nothing will ever happen again: ${unfinished()?.message ?? ''}`);
    return true;
  }

  try {
    await runSteps(next);
    oracle.checkEnd(committedOf);
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
  const violation = oracle.violation();
  world.tell(() => (violation === null ? 'every promise was kept' : `BROKEN ${violation.message}`));
  return { seed, violation, faults: faults.chosen, steps, simulatedMs: world.now(), fingerprint, story: world.story };
}
