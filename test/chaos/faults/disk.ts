/** A workspace whose disk is full: a small separate file system is mounted for it. */
import { execa } from 'execa';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { PromiseBroken, type Fault, type World } from '../fault.js';
import { directory } from '../site.js';
import { endOf } from './topics.js';
import type { Accepted } from '../workload.js';

const SIZE = '4m';

const diskFull: Fault = {
  name: 'disk-full',
  what: 'the disk of a mission’s workspace is full',
  recovery: 'space is free again; missions submitted then complete',
  takes: 'disk',
  async impossible() {
    if (process.platform !== 'linux') return 'mounting a separate file system requires Linux';
    const { exitCode, stderr } = await execa('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], {
      reject: false,
    });
    return exitCode === 0 ? null : `mounting is not allowed (${String(stderr).split('\n')[0]})`;
  },
  async strike(world) {
    const { site, observer } = world;
    const disk = await directory(site.dir, 'disks', String(world.workload.accepted.length));
    await execa('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=755`, 'tmpfs', disk]);
    site.onEnd(`the disk ${disk}`, async () => void (await execa('umount', ['-l', disk])));
    const mission = await submittedTo(world, await directory(disk, 'full'));
    await site.until(
      'its first step',
      60_000,
      () => observer.calls.find(({ missionId }) => missionId === mission.missionId) ?? null,
    );
    await fill(join(disk, 'filler'));
    await endOf(world, mission); // either way: the verdict says whether it was honest
    await rm(join(disk, 'filler'));
    const status = await endOf(world, await submittedTo(world, await directory(disk, 'space')));
    if (status !== 'completed') throw new PromiseBroken(`there is space again, and the mission ended as ${status}`);
  },
};

function submittedTo({ site, workload }: World, workspace: string): Promise<Accepted> {
  return site.until('a mission is taken', 60_000, () => workload.submit('steady', { workspace }));
}

/** Writes until not even a small block fits. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (const size of [65_536, 512]) await writeAll(file, Buffer.alloc(size));
  await file.close().catch(noSpace);
}

async function writeAll(file: FileHandle, block: Buffer): Promise<void> {
  for (let written = block.length; written === block.length; ) {
    written = await file.write(block).then(({ bytesWritten }) => bytesWritten, noSpace);
  }
}

function noSpace(error: unknown): 0 {
  if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return 0;
  throw error;
}

export const DISK_FAULTS: readonly Fault[] = [diskFull];
