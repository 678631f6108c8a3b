/** The run itself: faults while missions are worked on, then quiet, then the bill. */
import { isUnderWay } from './under-way.js';
import { readLedger } from './ledger.js';
import type { Fault, World } from './fault.js';
import { createSchedule } from './schedule.js';
import { brokenProcesses, judgeMission, lostMissions, type MissionVerdict } from './verdict.js';

/** One time that a fault struck. */
export interface Strike {
  readonly fault: string;
  readonly fromMs: number;
  /** When missions ended again after it. */
  readonly toMs: number;
  /** What its own check found, or that it could not be carried out. */
  readonly problem: string | null;
}

export interface Outcome {
  readonly strikes: readonly Strike[];
  readonly missions: readonly JudgedMission[];
  /** Missions that were open in a coordination topic when it was deleted: lost by definition, and told. */
  readonly buried: readonly string[];
  /** Acknowledged submissions that no log knows, and acknowledged appends that are not in the log. */
  readonly losses: readonly string[];
  /** Processes that ended by themselves as none may. */
  readonly broken: readonly string[];
  readonly acknowledgedAppends: number;
  readonly refusedSubmissions: number;
}

export interface JudgedMission extends MissionVerdict {
  readonly fromMs: number;
  readonly toMs: number;
}

const CALM_LIMIT_MS = 120_000;
const FIRST_MISSIONS_LIMIT_MS = 600_000;
/** Until every mission has ended, once nothing goes wrong any more. */
const END_LIMIT_MS = 600_000;

export async function runFaults(world: World, faults: readonly Fault[], minutes: number): Promise<Outcome> {
  const { site, workload, cluster, observer } = world;
  workload.start();
  await site.until('the first mission has ended', FIRST_MISSIONS_LIMIT_MS, () =>
    endedMissions(world) > 0 ? true : null,
  );
  const strikes: Strike[] = [];
  const next = createSchedule(world.random, faults);
  const deadlineMs = site.clock.monotonicMs() + minutes * 60_000;
  while (site.clock.monotonicMs() < deadlineMs) strikes.push(...(await round(world, next())));

  site.say('nothing goes wrong any more; every mission must end');
  await workload.stop();
  await cluster.whole();
  await untilAllEnded(world);
  const lost = await world.probe.compare();
  await observer.catchUp();
  const known = new Set([observer.view(), ...observer.formerViews].flatMap((view) => view.missions()));
  const losses = [...lostMissions(workload.accepted, known), ...lost];
  return {
    strikes,
    ...(await judgeAll(world)),
    losses,
    broken: brokenProcesses(world.fleet.members),
    acknowledgedAppends: world.probe.acknowledged(),
    refusedSubmissions: workload.refused.length,
  };
}

async function round(world: World, faults: readonly Fault[]): Promise<readonly Strike[]> {
  const { site } = world;
  const startedMs = site.clock.monotonicMs();
  const fromMs = site.clock.now();
  site.say(`${faults.map(({ name }) => name).join(' + ')} …`);
  const problems = await Promise.all(
    faults.map((fault) =>
      fault.strike(world).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    ),
  );
  site.signal.throwIfAborted();
  const ended = endedMissions(world);
  // The round lasts until missions end again. If they never do, the verdict on the missions reports it.
  await site
    .until('a mission has ended after the fault', CALM_LIMIT_MS, () => (endedMissions(world) > ended ? true : null))
    .catch((error: Error) => site.say(error.message));
  const toMs = site.clock.now();
  site.say(
    `${faults.map(({ name }) => name).join(' + ')}: ` +
      `${((site.clock.monotonicMs() - startedMs) / 1000).toFixed(1)} ` +
      `s${problems.map((problem) => (problem === null ? '' : `; ${problem}`)).join('')}`,
  );
  return faults.map((fault, index) => ({ fault: fault.name, fromMs, toMs, problem: problems[index] ?? null }));
}

const endedMissions = ({ observer }: World) =>
  observer.missionIds().filter((id) => !isUnderWay(observer.view().mission(id))).length;

async function untilAllEnded({ site, observer }: World): Promise<void> {
  const open = () => observer.missionIds().filter((id) => isUnderWay(observer.view().mission(id)));
  await site
    .until('the end of every mission', END_LIMIT_MS, () => (open().length === 0 ? true : null))
    .catch((error: Error) => {
      site.signal.throwIfAborted();
      site.say(`${error.message}: ${open().join(', ')}`);
    });
}

async function judgeAll({ observer, workload, site }: World): Promise<Pick<Outcome, 'missions' | 'buried'>> {
  const current = new Set(observer.missionIds());
  const reports = [observer.view(), ...observer.formerViews].flatMap((view) =>
    view.missions().flatMap((id) => view.report(id) ?? []),
  );
  // What was open in a topic that was deleted went with it.
  const buried = reports
    .filter((report) => !current.has(report.mission_id) && report.ended_at === null)
    .map(({ mission_id }) => mission_id);
  const missions = await Promise.all(
    reports
      .filter(({ mission_id }) => !buried.includes(mission_id))
      .map(async (report): Promise<JudgedMission> => {
        const id = report.mission_id;
        const workspace =
          workload.accepted.find(({ missionId }) => missionId === id)?.workspace ??
          report.workspace ??
          `${site.dir}/workspaces/${id}`;
        const verdict = judgeMission({
          report,
          lines: await readLedger(workspace),
          calls: observer.calls.filter(({ missionId }) => missionId === id),
        });
        const problems = verdict.lost === 0 ? verdict.problems : [...verdict.problems, observer.lastOf(id)];
        return {
          ...verdict,
          problems,
          fromMs: Date.parse(report.started_at),
          toMs: report.ended_at === null ? site.clock.now() : Date.parse(report.ended_at),
        };
      }),
  );
  return { missions, buried };
}
