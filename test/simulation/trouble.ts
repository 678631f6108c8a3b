/** What goes wrong with processes and partitions, and when. */
import type { AgentEvent } from '../../src/domain/events.js';
import type { Fault, Faults } from './faults.js';
import type { Scenario } from './scenario.js';
import type { SimLog } from './sim-log.js';
import type { SimProcess } from './sim-process.js';
import type { Swarm } from './swarm.js';
import type { World } from './world.js';

export interface Trouble {
  begin(): void;
  /** Faults like the moments between the writing of a record and its first read. */
  onWritten(event: AgentEvent): void;
  /** And the moment between a read-back and what it allows. */
  beforeSpawn(process: SimProcess): void;
  /** And every other moment of its dealings with the log. */
  moment(process: SimProcess): void;
  /** Whether nothing goes wrong any more and everybody knows what they hold. */
  isOver(): boolean;
}

export interface TroubleOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly scenario: Scenario;
  readonly swarm: Swarm;
  readonly log: SimLog;
  /** Adds a partition to the tasks topics. */
  grow(): void;
  /** Loses the coordination topic and recreates it. */
  recreate(): void;
}

const KINDS: readonly Fault[] = [
  'crash',
  'drain',
  'stall',
  'zombie',
  'move',
  'move',
  'grow',
  'recreate',
  'clock',
  'overwrite',
];
const HOUR_MS = 3_600_000;
const SESSION_CHECK_MS = 10_000;
const SENSITIVE: ReadonlySet<string> = new Set([
  'partition_claimed',
  'call_proposed',
  'call_answered',
  'call_decided',
  'tool_called',
  'tool_returned',
  'turn_reserved',
  'task_completed',
  'task_failed',
  'task_assigned',
  'task_cancelled',
  'task_suspended',
  'plan_requested',
  'wave_started',
  'mission_cancelled',
]);

export function createTrouble({ world, faults, scenario, swarm, log, grow, recreate }: TroubleOptions): Trouble {
  const { random } = world;
  const kinds = KINDS.filter((kind) => faults.on(kind));
  let isSettled = false;

  function strike(kind: Fault): void {
    if (!faults.on(kind)) return;
    const processes = swarm.processes();
    if (kind === 'move') return random.pick(log.groups()).move();
    if (kind === 'overwrite') return random.pick(log.groups()).overwrite();
    if (kind === 'grow') return void (random.chance(0.2) && (grow(), log.groups().forEach((group) => group.expire())));
    if (kind === 'recreate') return void (random.chance(0.2) && recreate());
    if (processes.length === 0) return;
    const process = random.pick(processes);
    switch (kind) {
      case 'crash':
        return swarm.crash(process);
      case 'drain':
        return swarm.drain(process);
      case 'stall':
        return standStill(process, random.pick([100, 3_000, 20_000, 120_000]));
      case 'zombie':
        return standStill(process, 3 * HOUR_MS);
      case 'clock':
        return process.jumpClock((random.next() - 0.5) * 10 * HOUR_MS);
      default:
        return;
    }
  }

  function standStill(process: SimProcess, atMostMs: number): void {
    const durationMs = random.next() * atMostMs;
    world.tell(() => `${process.id} is paused for ${(durationMs / 1000).toFixed(1)} s`);
    process.stall(durationMs);
  }

  function strikeAgain(): void {
    if (faults.stopped() || kinds.length === 0) return;
    world.at(random.delayMs(scenario.faultEveryMs), () => {
      if (faults.stopped()) return;
      strike(random.pick(kinds));
      strikeAgain();
    });
  }

  function watchSessions(): void {
    world.at(SESSION_CHECK_MS, () => {
      // From then on settle() looks after the sessions.
      if (faults.stopped()) return;
      for (const group of log.groups()) group.expire();
      watchSessions();
    });
  }

  /** The faults are over; processes that are paused for long wake up as zombies later. */
  function stop(): void {
    world.tell(() => 'nothing goes wrong any more');
    faults.stop();
    const longest = Math.max(0, ...swarm.processes().map((process) => (process.isStalled() ? 1 : 0)));
    if (longest > 0 && random.chance(0.5)) for (const process of swarm.processes()) process.wake();
    if (faults.chosen.includes('cap')) liftCap();
    settle();
  }

  /** People restart the orchestrators without it. */
  function liftCap(): void {
    for (const process of swarm.processes()) if (process.id.startsWith('orchestrator')) swarm.drain(process);
  }

  function settle(): void {
    for (const group of log.groups()) {
      group.expire();
      group.settle();
    }
    const isZombieAsleep = swarm.processes().some((process) => process.isStalled());
    const isWhole =
      !isZombieAsleep &&
      log.groups().every((group) => group.isSettled()) &&
      swarm.processes().length >= scenario.workers + scenario.orchestrators;
    if (isWhole) isSettled = true;
    // Hours of a quiet swarm need no close watch.
    world.at(isWhole || isZombieAsleep ? 60_000 : 5_000, settle);
  }

  return {
    begin() {
      watchSessions();
      strikeAgain();
      world.at(scenario.faultsEndMs, stop);
    },
    onWritten(event) {
      if (!SENSITIVE.has(event.event_type) || kinds.length === 0 || !random.chance(0.03)) return;
      const kind = random.pick(kinds);
      world.at(random.next() * 6, () => strike(kind));
    },
    beforeSpawn(process) {
      if (random.chance(0.02) && faults.on('stall')) standStill(process, random.pick([3_000, 20_000, 120_000]));
      else if (random.chance(0.01) && faults.on('zombie')) standStill(process, 2 * HOUR_MS);
      else if (random.chance(0.01) && faults.on('crash')) swarm.crash(process);
    },
    moment(process) {
      if (faults.on('crash') && random.chance(0.001) && process.isAlive()) swarm.crash(process);
    },
    isOver: () => faults.stopped() && isSettled,
  };
}
