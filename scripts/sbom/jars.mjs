import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { root } from '../steps/run.mjs';

const JARS = join(root, '.ravenhelm/jars');

/** What Maven fetches for the local stack, which is for development: by its pom, with those files that are here. */
export async function jars() {
  const pom = await readFile(join(root, 'local-stack/jars/pom.xml'), 'utf8');
  const properties = Object.fromEntries(
    [...pom.matchAll(/<([\w.]+\.version)>([^<]+)</g)].map(([, name, value]) => [name, value]),
  );
  const files = await filesOfStack();
  return [...pom.matchAll(/<dependency>([^]*?)<\/dependency>/g)].map(([, text]) => {
    const field = (name) => new RegExp(`<${name}>([^<]+)<`).exec(text)?.[1];
    const version = field('version').replace(/\$\{([\w.]+)\}/, (_, name) => properties[name]);
    return stackComponent({ group: field('groupId'), name: field('artifactId'), version }, files);
  });
}

/** Kafka's jars and the registry's are in one directory each; the logger is in Kafka's. */
function stackComponent({ group, name, version }, files) {
  const directory = { kafka_2: 'kafka/', apicurio: 'registry/' }[name.split(/[.-]/)[0]];
  const parts = directory === undefined ? [] : files.filter(({ path }) => path.startsWith(directory));
  const own = files.find(({ path }) => path.endsWith(`/${name}-${version}.jar`));
  return {
    'bom-ref': `maven:${group}:${name}@${version}`,
    type: directory === undefined ? 'library' : 'application',
    group,
    name,
    version,
    scope: 'optional',
    description: 'Part of the local stack, for development',
    licenses: [{ license: { id: 'Apache-2.0' } }],
    purl: `pkg:maven/${group}/${name}@${version}`,
    ...(own === undefined ? {} : { hashes: [own.hash] }),
    ...(parts.length === 0 ? {} : { components: parts.map(fileComponent) }),
  };
}

const fileComponent = ({ path, hash }) => ({
  'bom-ref': `file:${path}`,
  type: 'file',
  name: path,
  hashes: [hash],
});

/** Path below the directory and digest of each jar; none where setup has fetched none. */
async function filesOfStack() {
  const names = await readdir(JARS, { recursive: true }).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = [];
  for (const path of names.filter((name) => name.endsWith('.jar')).sort()) {
    const content = createHash('sha256')
      .update(await readFile(join(JARS, path)))
      .digest('hex');
    found.push({ path, hash: { alg: 'SHA-256', content } });
  }
  return found;
}
