import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { isFileSystemError } from '../../agent/text-file.js';
import { systemErrorWords } from '../../domain/system-error.js';
import { wrongUse } from '../cli-error.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { projectFiles } from '../project-files.js';

/** Writes a project of a person's own. Refuses a directory that holds anything. */
export async function createProject(context: CommandContext, dir: string): Promise<ExitCode> {
  const { host } = context;
  const target = resolve(host.cwd, dir);
  await requireEmpty(target);
  const files = projectFiles({ name: packageName(target), specifier: specifierOf(host.packageDir, host.version) });
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(target, name)), { recursive: true });
      await writeFile(join(target, name), text, { flag: 'wx' });
    }
  } catch (error) {
    throw cannotWrite(target, error);
  }
  if (context.json) context.print({ directory: target, files: Object.keys(files) });
  else context.say(`created ${target}\nNext:\n  cd ${dir}\n  npm install\n  npm start`);
  return EXIT.done;
}

async function requireEmpty(target: string): Promise<void> {
  const names = await readdir(target).catch((error: unknown) => {
    if (isFileSystemError(error) && error.code === 'ENOENT') return [];
    throw cannotWrite(target, error);
  });
  if (names.length > 0) throw wrongUse(`${target} is not empty`, 'Name a directory that does not exist yet.');
}

function cannotWrite(target: string, error: unknown): Error {
  if (!isFileSystemError(error)) throw error;
  return wrongUse(
    `a project cannot be created in ${target}: ${systemErrorWords(error.code) ?? error.message}`,
    'Name another directory.',
  );
}

/** npm's rule for names: lower case, no spaces. */
function packageName(target: string): string {
  const name = basename(target)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '');
  return name === '' || name === 'ravenhelm' ? 'my-swarm' : name;
}

const manifest = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

/** What npm installed this package from: its project's own words for it, with paths made absolute; else the version. */
function specifierOf(packageDir: string, version: string): string {
  if (basename(dirname(packageDir)) !== 'node_modules') return `file:${packageDir}`; // a clone
  const project = dirname(dirname(packageDir));
  const file = join(project, 'package.json');
  const parsed = existsSync(file) ? manifest.safeParse(JSON.parse(readFileSync(file, 'utf8'))) : null;
  const specifier = parsed?.success ? parsed.data.dependencies['ravenhelm'] : undefined;
  if (specifier?.startsWith('file:')) return `file:${resolve(project, specifier.slice('file:'.length))}`;
  return specifier !== undefined && /^(https?|git)/.test(specifier) ? specifier : version;
}
