import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { mustRun, root, run } from './run.mjs';

const JARS = '.ravenhelm/jars';
const POMS = [
  'local-stack/pom.xml',
  'local-stack/jars/pom.xml',
  'local-stack/older-kafka/pom.xml',
  'local-stack/registry-parent/pom.xml',
];

/**
 * Has Maven fetch Kafka and its registry, with the user's own Maven settings, unless they are here. They are put in
 * place whole: complete.json says which poms they come from and how large each file is.
 */
export async function fetchJars() {
  const digest = await digestOfPoms();
  if (await isComplete(digest)) return 'already here';
  if ((await run('mvn', ['--version'])).exitCode !== 0) return 'not fetched, for there is no Maven';
  const fresh = `${JARS}.new`;
  await rm(join(root, fresh), { recursive: true, force: true });
  await mkdir(join(root, fresh), { recursive: true });
  await mustRun(
    'mvn',
    ['-q', '-B', '-f', 'local-stack/pom.xml', `-Dstack.jars=${join(root, fresh)}`, 'process-resources'],
    {
      nextStep: 'Check the network and the mirrors in ~/.m2/settings.xml, then run npm run setup again.',
    },
  );
  await rm(join(root, fresh, 'maven'), { recursive: true, force: true });
  await writeFile(
    join(root, fresh, 'complete.json'),
    JSON.stringify({ digest, files: await sizesUnder(join(root, fresh)) }),
  );
  await rm(join(root, JARS), { recursive: true, force: true });
  await rename(join(root, fresh), join(root, JARS));
  return 'fetched';
}

async function digestOfPoms() {
  const hash = createHash('sha256');
  for (const pom of POMS) hash.update(await readFile(join(root, pom)));
  return hash.digest('hex');
}

async function isComplete(digest) {
  const text = await readFile(join(root, JARS, 'complete.json'), 'utf8').catch(() => null); // never fetched
  if (text === null) return false;
  const complete = JSON.parse(text);
  if (complete.digest !== digest) return false;
  const sizes = await sizesUnder(join(root, JARS));
  return Object.entries(complete.files).every(([name, size]) => sizes[name] === size);
}

/** Size of each jar by its path under the directory. */
async function sizesUnder(directory) {
  const names = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.jar')).sort();
  const sizes = await Promise.all(names.map(async (name) => [name, (await stat(join(directory, name))).size]));
  return Object.fromEntries(sizes);
}
