import { existsSync } from 'node:fs';

import { PROGRAMS } from '../steps/programs.mjs';
import { run } from '../steps/run.mjs';

/**
 * Programs of the system that the swarm calls, and Node.js. Versions are those of this computer, by Debian's package
 * manager; without it, or where a program is not installed, a component has none.
 */
export async function programs() {
  const found = await Promise.all(PROGRAMS.map(programComponent));
  return [nodeComponent(), ...found];
}

function nodeComponent() {
  const version = process.versions.node;
  return {
    'bom-ref': `node@${version}`,
    type: 'platform',
    name: 'node',
    version,
    scope: 'required',
    description: 'Runs the program',
    licenses: [{ license: { id: 'MIT' } }],
    purl: `pkg:generic/node@${version}`,
  };
}

async function programComponent({ why, debian, forStack = false }) {
  const installed = (await Promise.all(debian.map(installedPackage))).find((each) => each !== null) ?? null;
  const name = installed?.name ?? debian[0];
  const version = installed === null ? {} : { version: installed.version };
  const { vendor = 'debian' } = installed ?? {};
  const at = installed === null ? '' : `@${encodeURIComponent(installed.version)}?arch=${installed.architecture}`;
  return {
    'bom-ref': `system:${name}`,
    type: 'application',
    name,
    ...version,
    scope: forStack ? 'optional' : 'required',
    description: forStack ? `${why}, for development` : why,
    purl: `pkg:deb/${vendor}/${name}${at}`,
  };
}

async function installedPackage(name) {
  if (!existsSync('/usr/bin/dpkg-query')) return null;
  const format = '${db:Status-Status}\t${Version}\t${Architecture}\t${Origin}';
  const { exitCode, output } = await run('dpkg-query', ['--show', `--showformat=${format}`, name]);
  const [status, version, architecture, origin] = output.split('\t');
  if (exitCode !== 0 || status !== 'installed') return null;
  return { name, version, architecture, vendor: origin?.trim().toLowerCase() || undefined };
}
