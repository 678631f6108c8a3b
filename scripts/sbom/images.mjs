import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

import { root } from '../steps/run.mjs';

/** The image that ours is built on, and those of the compose file. */
export async function images() {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
  const base = /^ARG NODE_IMAGE=(\S+)$/m.exec(dockerfile)?.[1];
  const compose = parse(await readFile(join(root, 'docker-compose.redpanda.yml'), 'utf8'), { merge: true });
  const others = Object.values(compose.services).flatMap(({ image, build }) => (build === undefined ? [image] : []));
  const about = (image) => (image === base ? 'The image is built on it' : 'A service of the compose file');
  return [base, ...others].map((image) => imageComponent(image, about(image)));
}

function imageComponent(image, description) {
  const [, name, version] = /^(.+):([^:/]+)$/.exec(image) ?? [];
  if (version === undefined) throw new Error(`the image ${image} has no tag`);
  const [short] = name.split('/').slice(-1);
  const repository = name.includes('.') ? name : `docker.io/${name.includes('/') ? name : `library/${name}`}`;
  return {
    'bom-ref': `image:${image}`,
    type: 'container',
    name,
    version,
    scope: 'optional',
    description,
    // By tag: pkg:oci has a digest as version, which no file here has.
    purl: `pkg:oci/${short}?repository_url=${encodeURIComponent(repository)}&tag=${encodeURIComponent(version)}`,
  };
}
