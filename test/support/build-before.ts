import { execa } from 'execa';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The last commit of the build that users had before this one. Move it when events or the protocol change again. */
const COMMIT = '433eddce617e755f07abadfa8a51ff37971c3663';
const project = fileURLToPath(new URL('../..', import.meta.url));

/** Whether this clone has the commit: one without history does not. */
export async function hasBuildBefore(): Promise<boolean> {
  const { exitCode } = await execa('git', ['-C', project, 'cat-file', '-e', `${COMMIT}^{commit}`], { reject: false });
  return exitCode === 0;
}

export interface BuildBefore {
  readonly directory: string;
  remove(): Promise<void>;
}

/** Its sources, compiled with the packages of today. */
export async function createBuildBefore(): Promise<BuildBefore> {
  const directory = await mkdtemp(join(tmpdir(), 'ravenhelm-before-'));
  const archive = execa('git', ['-C', project, 'archive', COMMIT], { encoding: 'buffer' });
  await archive.pipe('tar', ['-x', '-C', directory]);
  await symlink(join(project, 'node_modules'), join(directory, 'node_modules'));
  await execa('node', ['scripts/build.mjs'], { cwd: directory });
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}
