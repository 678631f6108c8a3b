import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { mustRun, root, StepFailed } from './run.mjs';

const SOURCES = [
  'src',
  'schemas',
  'scripts/generate-events.mjs',
  'scripts/steps/build.mjs',
  'scripts/schema-types.mjs',
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
];
const GENERATED = 'src/domain/generated';
const STAMP = 'dist/.built-from';
/** What bin/ravenhelm.js starts: the modules of dist/, without the packages, in files of which it loads few. */
export const PROGRAM = 'dist/program';

/** Generates the events' types and compiles, unless dist/ was built from these very sources. */
export async function build() {
  const digest = await digestOfSources();
  if (existsSync(join(root, PROGRAM, 'main.js')) && existsSync(join(root, GENERATED)) && (await readStamp()) === digest)
    return 'up to date';
  const nextStep = 'Fix the compiler errors above, then run npm run setup again.';
  // The compiler writes files also when it finds errors, and leaves those whose source is gone.
  await rm(join(root, 'dist'), { recursive: true, force: true });
  await mustRun(process.execPath, ['scripts/generate-events.mjs'], { nextStep });
  await mustRun(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { nextStep });
  await bundleProgram();
  await writeFile(join(root, STAMP), digest);
  return 'built';
}

/** Loading 750 modules takes a fifth of a command's start. What is imported on first use stays separate. */
async function bundleProgram() {
  const { build: bundle } = await import('esbuild'); // setup imports this file before it installs the packages
  const options = {
    absWorkingDir: root,
    entryPoints: ['dist/main.js'],
    outdir: PROGRAM,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    tsconfigRaw: {},
    sourcemap: true,
    sourcesContent: false,
    keepNames: true, // of errors' classes, which are logged
    logLevel: 'silent',
  };
  try {
    await bundle(options);
  } catch (error) {
    throw new StepFailed(`esbuild: ${error.message}`, 'Install the packages for this computer: npm ci');
  }
}

async function readStamp() {
  return readFile(join(root, STAMP), 'utf8').catch(() => null); // never built
}

async function digestOfSources() {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    for (const file of await filesUnder(source)) hash.update(`${file}\0`).update(await readFile(join(root, file)));
  }
  return hash.digest('hex');
}

async function filesUnder(path) {
  if (path === GENERATED) return [];
  const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => null); // a file
  if (entries === null) return [path];
  const names = entries.map(({ name }) => name).sort();
  return (await Promise.all(names.map((name) => filesUnder(`${path}/${name}`)))).flat();
}
