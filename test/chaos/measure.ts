/** Times that a person waits for: fail-over after SIGKILL, and the end of a command after a cancel or a time limit. */
import { isUnderWay } from './under-way.js';
import type { AgentEvent } from '../../src/domain/events.js';
import type { LogRecord } from '../../src/ports/log.js';
import type { World } from './fault.js';
import type { Accepted } from './workload.js';
import { readLedger } from './ledger.js';
import { alive, commandProcesses } from './processes-of.js';
import { KINDS, type MissionKind } from './agents.js';

export interface Measured {
  readonly name: string;
  readonly samplesMs: readonly number[];
  /** null: none is promised. */
  readonly goalMs: number | null;
}

const LIMIT_MS = 120_000;

/** Beyond the session timeout: the group's decision, the claim's read-back, the fence, and the next turn. */
const FAILOVER_MARGIN_MS = 2_000;

export async function measureFailover(world: World, rounds: number): Promise<readonly Measured[]> {
  const goalMs = world.sessionTimeoutMs + FAILOVER_MARGIN_MS;
  return [
    {
      name: 'SIGKILL of a worker → the next step of its task on another',
      goalMs,
      samplesMs: await repeated(world, rounds, workerFailover),
    },
    {
      name: 'SIGKILL of an orchestrator → the next decision by another',
      goalMs,
      samplesMs: await repeated(world, rounds, orchestratorFailover),
    },
  ];
}

export async function measureEnds(world: World, rounds: number): Promise<readonly Measured[]> {
  const cancels = await repeated(world, rounds, cancelLatency);
  const timeouts = await repeated(world, rounds, timeoutLatency);
  return [
    {
      name: 'ravenhelm cancel, from its start → no process of the command is left',
      goalMs: null,
      samplesMs: cancels.map(({ fromCommandMs }) => fromCommandMs),
    },
    {
      name: 'the cancel is in the log → no process of the command is left',
      goalMs: 1_000,
      samplesMs: cancels.map(({ fromRecordMs }) => fromRecordMs),
    },
    { name: 'the time limit of a task → no process of the command is left', goalMs: 1_000, samplesMs: timeouts },
  ];
}

async function repeated<T>(world: World, rounds: number, once: (world: World) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const result = await once(world);
    world.site.say(`${once.name} ${round} of ${rounds}: ${JSON.stringify(result)}`);
    results.push(result);
  }
  return results;
}

async function workerFailover(world: World): Promise<number> {
  const { observer, fleet, site } = world;
  const mission = await submitted(world, 'long');
  const call = await runningCall(world, mission);
  // Before its line exists, the step would start again after the take-over and take its full time again.
  await site.until('the line of the step', LIMIT_MS, async () =>
    (await readLedger(mission.workspace)).length > 0 ? true : null,
  );
  const holder = fleet.ownerOf(call.owner);
  if (holder === null) throw new Error(`no process is ${call.owner}`);
  const killedAtMs = site.clock.now();
  let claimedAtMs: number | null = null;
  const end = observer.onEvent((event, record) => {
    if (
      event.event_type === 'partition_claimed' &&
      record.topic === world.topics.tasks('scout_agent') &&
      record.partition === call.partition
    )
      claimedAtMs ??= record.timestampMs;
  });
  await holder.destroy();
  const next = await site.until(
    'the next step on another worker',
    LIMIT_MS,
    () =>
      observer.calls.find(({ missionId, owner }) => missionId === mission.missionId && owner !== call.owner) ?? null,
  );
  end();
  site.say(
    `the partition was claimed ${claimedAtMs === null ? '?' : Math.round(claimedAtMs - killedAtMs)} ms after the kill`,
  );
  holder.begin();
  await holder.serving();
  await ended(world, mission);
  return Math.round(next.atMs - killedAtMs);
}

async function orchestratorFailover(world: World): Promise<number> {
  const { fleet, site } = world;
  const decisions = decisionsOf(world);
  const mission = await submitted(world, 'steady');
  await runningCall(world, mission);
  const owner = await site.until('a decision', LIMIT_MS, () => decisions.of(mission).at(-1)?.owner ?? null);
  const holder = fleet.ownerOf(owner);
  if (holder === null) throw new Error(`no process is ${owner}`);
  const killedAtMs = site.clock.now();
  await holder.destroy();
  const next = await site.until(
    'the next decision by another',
    LIMIT_MS,
    () => decisions.of(mission).find((decision) => decision.owner !== owner) ?? null,
  );
  decisions.end();
  holder.begin();
  await holder.serving();
  await ended(world, mission);
  return Math.round(next.atMs - killedAtMs);
}

/** Decisions about missions, with the claim under which each was made. */
function decisionsOf({ observer, topics }: World) {
  const made: { readonly missionId: string; readonly owner: string; readonly atMs: number }[] = [];
  const end = observer.onEvent((event: AgentEvent, record: LogRecord) => {
    if (record.topic !== topics.coordination) return;
    switch (event.event_type) {
      case 'task_assigned':
      case 'wave_started':
      case 'wave_completed':
      case 'mission_completed':
      case 'mission_failed':
        made.push({ missionId: event.payload.mission_id, owner: event.payload.owner, atMs: record.timestampMs });
    }
  });
  return { end, of: ({ missionId }: Accepted) => made.filter((decision) => decision.missionId === missionId) };
}

async function cancelLatency(world: World): Promise<{ readonly fromCommandMs: number; readonly fromRecordMs: number }> {
  const { observer, site, run } = world;
  const mission = await submitted(world, 'long');
  const pids = await runningProcesses(world, mission);
  let requestedAtMs: number | null = null;
  const end = observer.onEvent((event, record) => {
    if (event.event_type === 'mission_cancel_requested' && event.payload.mission_id === mission.missionId)
      requestedAtMs ??= record.timestampMs;
  });
  const startedAtMs = site.clock.now();
  const command = run('cancel', mission.missionId);
  const goneAtMs = await gone(world, pids);
  await command;
  const recordAtMs = await site.until('the cancel in the log', LIMIT_MS, () => requestedAtMs);
  end();
  await ended(world, mission);
  return { fromCommandMs: Math.round(goneAtMs - startedAtMs), fromRecordMs: Math.round(goneAtMs - recordAtMs) };
}

async function timeoutLatency(world: World): Promise<number> {
  const { observer, site } = world;
  let startedAtMs: number | null = null;
  const end = observer.onEvent((event, record) => {
    if (event.event_type === 'task_started') startedAtMs = record.timestampMs;
  });
  const mission = await submitted(world, 'timed');
  const pids = await runningProcesses(world, mission);
  const goneAtMs = await gone(world, pids);
  const fromMs = await site.until('the start of the task', LIMIT_MS, () => startedAtMs);
  end();
  await ended(world, mission);
  return Math.round(goneAtMs - fromMs - (KINDS.timed.timeoutSeconds ?? 0) * 1_000);
}

async function gone({ site }: World, pids: ReadonlySet<number>): Promise<number> {
  while (await alive(pids)) await site.pause(10);
  return site.clock.now();
}

async function runningProcesses(world: World, mission: Accepted): Promise<ReadonlySet<number>> {
  await runningCall(world, mission);
  // The sandbox, its first process, the shell and the sleep.
  return world.site.until('the processes of the command', LIMIT_MS, async () => {
    const pids = await commandProcesses(mission.missionId);
    return pids.size >= 4 ? pids : null;
  });
}

/** Waits for the long step of a mission, not for the question whether it is done. */
function runningCall({ observer, site }: World, { missionId }: Accepted) {
  return site.until(
    'a running step',
    LIMIT_MS,
    () => observer.calls.find((call) => call.missionId === missionId && call.mark !== null) ?? null,
  );
}

function submitted({ site, workload }: World, kind: MissionKind): Promise<Accepted> {
  return site.until('a mission is taken', LIMIT_MS, () => workload.submit(kind));
}

async function ended({ site, observer }: World, { missionId }: Accepted): Promise<void> {
  await site.until(`the end of ${missionId}`, LIMIT_MS, () =>
    isUnderWay(observer.view().mission(missionId)) ? null : true,
  );
}

export function measureTable(all: readonly Measured[]): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const rows = all.map(({ name, samplesMs, goalMs }) => {
    const sorted = [...samplesMs].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return (
      `| ${name} | ${sorted.length} | ${seconds(at(0))} | ${seconds(at(0.5))} | ${seconds(at(1))} | ` +
      `${goalMs === null ? '' : `${seconds(goalMs)}${at(1) <= goalMs ? '' : ' MISSED'}`} |`
    );
  });
  return ['| what | rounds | min | median | max | goal |', '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n');
}

export const goalsHold = (all: readonly Measured[]): boolean =>
  all.every(({ samplesMs, goalMs }) => goalMs === null || samplesMs.every((sample) => sample <= goalMs));
