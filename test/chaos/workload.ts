/** Missions, submitted all the time by the real client, some of which are cancelled or must fail. */
import { isUnderWay } from './under-way.js';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Random } from '../simulation/random.js';
import { kindOf, missionFile, type MissionKind } from './agents.js';
import type { RunCommand } from './client.js';
import type { Observer } from './observer.js';
import { directory, type Site } from './site.js';

export interface Workload {
  /** Missions whose request was acknowledged. */
  readonly accepted: readonly Accepted[];
  /** Submissions that were refused, with the reason: nothing was promised. */
  readonly refused: readonly string[];
  submit(kind: MissionKind, options?: { readonly workspace?: string }): Promise<Accepted | null>;
  start(): void;
  /** No new missions; resolves when no submission is under way. */
  stop(): Promise<void>;
}

export interface Accepted {
  readonly missionId: string;
  readonly kind: MissionKind;
  readonly workspace: string;
  readonly atMs: number;
}

const submitted = z.object({ mission_id: z.string(), workspace: z.string() });
const OPEN_AT_MOST = 8;
const PAUSE_MS = 700;
const REFUSED_PAUSE_MS = 1_000;
/** Of ten missions, how many are of each kind. */
const MIX: readonly MissionKind[] = [
  'steady',
  'steady',
  'steady',
  'steady',
  'steady',
  'model',
  'model',
  'failing',
  'cancelled',
  'steady',
];

export async function createWorkload(
  site: Site,
  run: RunCommand,
  observer: Observer,
  random: Random,
): Promise<Workload> {
  const dir = await directory(site.dir, 'missions');
  const accepted: Accepted[] = [];
  const refused: string[] = [];
  let count = 0;
  let wanted = false;
  let loop: Promise<void> = Promise.resolve();
  cancelThoseMeantFor(site, run, observer);

  async function submit(
    kind: MissionKind,
    { workspace }: { readonly workspace?: string } = {},
  ): Promise<Accepted | null> {
    const name = `${kind}-${(count += 1)}`;
    const file = join(dir, `${name}.yaml`);
    await writeFile(file, missionFile(kind, name));
    const { code, stdout, stderr } = await run(
      'submit',
      file,
      '--json',
      ...(workspace === undefined ? [] : ['--workspace', workspace]),
    );
    if (code !== 0) {
      refused.push(stderr.trim());
      return null;
    }
    const answer = submitted.parse(JSON.parse(stdout));
    const mission = { missionId: answer.mission_id, kind, workspace: answer.workspace, atMs: site.clock.now() };
    accepted.push(mission);
    return mission;
  }

  const openMissions = () => observer.missionIds().filter((id) => isUnderWay(observer.view().mission(id))).length;
  async function keepSubmitting(): Promise<void> {
    while (wanted && !site.signal.aborted) {
      if (openMissions() >= OPEN_AT_MOST) await site.pause(PAUSE_MS);
      else await site.pause((await submit(random.pick(MIX))) === null ? REFUSED_PAUSE_MS : PAUSE_MS);
    }
  }

  return {
    accepted,
    refused,
    submit,
    start() {
      wanted = true;
      loop = keepSubmitting().catch((error: unknown) => {
        if (!site.signal.aborted) throw error;
      });
    },
    async stop() {
      wanted = false;
      await loop;
    },
  };
}

/** A mission that is to be cancelled is cancelled once its step runs. */
function cancelThoseMeantFor(site: Site, run: RunCommand, observer: Observer): void {
  const seen = new Set<string>();
  const cancel = async (id: string) => {
    // Its request is in another topic and may be read later than the step.
    const mission = await site.until(`the request of ${id}`, 60_000, () => observer.view().mission(id));
    if (kindOf(mission.request.name) !== 'cancelled') return;
    while (isUnderWay(observer.view().mission(id)) && (await run('cancel', id)).code !== 0) await site.pause(1_000);
  };
  observer.onEvent((event) => {
    if (event.event_type !== 'tool_called' || seen.has(event.payload.mission_id)) return;
    const { mission_id: id } = event.payload;
    seen.add(id);
    cancel(id).catch((error: unknown) => {
      if (!site.signal.aborted) site.say(`cancel of ${id}: ${String(error)}`);
    });
  });
}
