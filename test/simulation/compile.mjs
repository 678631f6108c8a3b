// Turns TypeScript into modules that plain node runs fast. Types are checked by npm run typecheck, not here.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, transform } from '@swc/core';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, '.ravenhelm/simulation');
/** What the swarm's roles need, and nothing that touches the world. */
const SYSTEM = [
  'src/domain',
  'src/ports',
  'src/agent',
  'src/roles',
  'src/memory',
  'src/models/playbook.ts',
  'src/kafka/reading',
];
const SIMULATION = ['test/simulation'];

/** Compiles the true sources and the simulation; resolves with their directory. */
export async function compileBase() {
  if (!existsSync(join(root, 'src/domain/generated/agent-event.ts')))
    throw new Error('The events are not generated yet. Run npm run setup first.');
  return compileSources(join(out, 'base'), [...SYSTEM, ...SIMULATION]);
}

/**
 * Makes a copy of the compiled true sources (compileBase comes first) with a rule switched off; resolves with its
 * directory.
 * @param changes the file's name below src, and which text replaces which: each text must occur there exactly once
 */
export async function compileMutant({ name, changes }) {
  const dir = join(out, 'mutants', name);
  const files = await filesOf(SYSTEM);
  const changed = new Map();
  for (const { file, from, to } of changes) {
    const path = `src/${file}`;
    if (!files.includes(path))
      throw new Error(`Mutant ${name}: there is no ${path}. Bring test/simulation/mutants.ts up to date.`);
    const source = changed.get(path) ?? (await readFile(join(root, path), 'utf8'));
    if (source.split(from).length !== 2)
      throw new Error(
        `Mutant ${name}: ${path} has not exactly one place that reads\n${from}\nBring test/simulation/mutants.ts ` +
          'up to date.',
      );
    changed.set(
      path,
      source.replace(from, () => to),
    );
  }
  await Promise.all(
    files.map(async (path) => {
      const source = changed.get(path);
      const code =
        source === undefined
          ? await readFile(compiledFile(join(out, 'base'), path), 'utf8')
          : await compile(path, source);
      await writeIfNew(compiledFile(dir, path), code);
    }),
  );
  return dir;
}

/**
 * Compiles files and directories of the project, and the files outside src/ that these import, into a directory, where
 * their paths are as in the project; resolves with it.
 */
export async function compileSources(dir, sources) {
  const found = new Set(await filesOf(sources));
  let added = [...found];
  while (added.length > 0) {
    const imported = await Promise.all(
      added.map(async (path) => {
        const source = await readFile(join(root, path), 'utf8');
        await writeIfNew(compiledFile(dir, path), await compile(path, source));
        return path.startsWith('src/') ? [] : importsOf(path, source);
      }),
    );
    added = [...new Set(imported.flat())].filter((path) => !path.startsWith('src/') && !found.has(path));
    for (const path of added) found.add(path);
  }
  return dir;
}

/**
 * Compiles programs into an empty directory, in which dist/ then lies under the name src/: what they import is what
 * users run. Resolves with the directory.
 */
export async function compileBesideDist(dir, sources) {
  await rm(dir, { recursive: true, force: true });
  await compileSources(dir, sources);
  await symlink(join(root, 'dist'), join(dir, 'src'));
  return dir;
}

const compiledFile = (dir, path) => join(dir, path.replace(/\.ts$/, '.js'));

async function compile(path, source) {
  const { code } = await transform(source, {
    filename: join(root, path),
    sourceMaps: 'inline',
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  });
  return code;
}

/** The project's TypeScript files that a file imports. */
async function importsOf(path, source) {
  const { body } = await parse(source, { syntax: 'typescript', target: 'es2022' });
  return body
    .map((item) => item.source?.value)
    .filter((name) => name?.startsWith('.') && name.endsWith('.js'))
    .map((name) => posix.join(posix.dirname(path), name.replace(/\.js$/, '.ts')));
}

async function filesOf(paths) {
  return (await Promise.all(paths.map(filesUnder)))
    .flat()
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));
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
  if (path.endsWith('/node_modules')) return []; // of bench/peers
  return (await Promise.all(entries.map((entry) => filesUnder(`${path}/${entry.name}`)))).flat();
}
