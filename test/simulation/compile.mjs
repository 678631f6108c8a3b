// Turns TypeScript into modules that plain node runs fast. Types are checked by npm run typecheck, not here.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, '.ravenhelm/simulation');
/** What the swarm's roles need, and nothing that touches the world. */
const SYSTEM = ['src/domain', 'src/ports', 'src/agent', 'src/roles', 'src/memory', 'src/models/playbook.ts'];
const SIMULATION = ['test/simulation'];

/** Compiles the true sources and the simulation; resolves with their directory. */
export async function compileBase() {
  if (!existsSync(join(root, 'src/domain/generated/agent-event.ts'))) throw new Error('The events are not generated yet. Run npm run setup first.');
  return compileTree('base', [...SYSTEM, ...SIMULATION], () => undefined);
}

/**
 * Compiles a copy of the sources with one file changed; resolves with its directory.
 * @param changes the file's name below src, and what stands in place of what: each text must stand there exactly once
 */
export async function compileMutant(name, changes) {
  const open = new Set(changes.map((change) => change.file));
  const dir = await compileTree(`mutants/${name}`, SYSTEM, (path, source) => {
    const own = changes.filter(({ file }) => path === `src/${file}`);
    if (own.length === 0) return undefined;
    open.delete(own[0].file);
    return own.reduce((text, { file, from, to }) => {
      if (text.split(from).length !== 2) throw new Error(`Mutant ${name}: src/${file} has not exactly one place that reads\n${from}\nBring test/simulation/mutants.ts up to date.`);
      return text.replace(from, () => to);
    }, source);
  });
  if (open.size > 0) throw new Error(`Mutant ${name}: there is no ${[...open].join(', ')}. Bring test/simulation/mutants.ts up to date.`);
  return dir;
}

/** Compiles files and directories of the project as they are into a directory; paths below it are as in the project. */
export function compileSources(dir, sources) {
  return compileInto(dir, sources, () => undefined);
}

function compileTree(name, sources, change) {
  return compileInto(join(out, name), sources, change);
}

async function compileInto(dir, sources, change) {
  const files = (await Promise.all(sources.map(filesUnder))).flat().filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));
  await Promise.all(files.map(async (path) => {
    const source = await readFile(join(root, path), 'utf8');
    const { code } = await transform(change(path, source) ?? source, {
      filename: join(root, path), sourceMaps: 'inline',
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' },
    });
    await writeIfNew(join(dir, path.replace(/\.ts$/, '.js')), code);
  }));
  return dir;
}

/** Whole files only: another run beside this one never finds half of one. */
async function writeIfNew(path, text) {
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return; // not there yet
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text);
  await rename(draft, path);
}

async function filesUnder(path) {
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => null); // a file
  if (entries === null) return [path];
  return (await Promise.all(entries.map((entry) => filesUnder(`${path}/${entry.name}`)))).flat();
}
