import { existsSync, readdirSync } from 'node:fs';
import { platform } from 'node:os';

import { mustRun, run, StepFailed } from './run.mjs';

/**
 * What the swarm calls besides node. debian: the package (the first that the system knows); brew, dnf: likewise.
 * find: whether it is here; forStack: only wanted where no Docker engine runs the broker; forTests: only wanted with
 * RAVENHELM_TEST_PROGRAMS=1.
 */
export const PROGRAMS = [
  {
    name: 'bubblewrap',
    why: 'the sandbox of the agents’ commands',
    find: () => runs('bwrap', ['--version']),
    linuxOnly: true,
    debian: ['bubblewrap'],
    dnf: 'bubblewrap',
  },
  {
    name: 'perl',
    why: 'the launcher of commands: fence, lock and limits',
    find: () => runs('perl', ['-e', '0']),
    linuxOnly: true,
    debian: ['perl-base'],
    dnf: 'perl-interpreter',
  },
  {
    name: 'setpriv and setsid',
    why: 'the sandbox',
    find: hasUtilLinux,
    linuxOnly: true,
    debian: ['util-linux'],
    dnf: 'util-linux',
  },
  {
    name: 'openssl',
    why: 'the mission’s certificates',
    find: () => runs('openssl', ['version']),
    debian: ['openssl'],
    dnf: 'openssl',
    brew: 'openssl',
  },
  {
    name: 'Java 17',
    why: 'the local broker',
    find: hasJava,
    forStack: true,
    debian: ['openjdk-17-jre-headless', 'openjdk-21-jre-headless', 'openjdk-25-jre-headless'],
    dnf: 'java-21-openjdk-headless',
    brew: 'openjdk@21',
  },
  {
    name: 'Maven',
    why: 'it fetches the local broker',
    find: () => runs('mvn', ['--version']),
    forStack: true,
    debian: ['maven'],
    dnf: 'maven',
    brew: 'maven',
  },
  ...[
    { name: 'curl', find: () => existsSync('/usr/bin/curl'), package: 'curl' },
    { name: 'git', find: () => existsSync('/usr/bin/git'), package: 'git' },
    { name: 'pip', find: () => existsSync('/usr/bin/pip3'), package: 'python3-pip' },
    { name: 'PostgreSQL', find: () => existsSync('/usr/bin/psql') && hasPostgresServer(), package: 'postgresql' },
    {
      name: 'javac',
      find: () => existsSync('/usr/bin/javac'),
      package: 'default-jdk-headless',
      dnf: 'java-21-openjdk-devel',
    },
    { name: 'Redis', find: () => existsSync('/usr/bin/redis-server'), package: 'redis-server', dnf: 'redis' },
  ].map(({ name, find, package: debian, dnf = debian }) => ({
    name,
    why: 'the tests of agents’ programs',
    find,
    linuxOnly: true,
    forTests: true,
    debian: [debian],
    dnf: dnf === 'postgresql' ? 'postgresql-server' : dnf,
  })),
];

/** Installs what is missing where that needs no question (root on Debian or Ubuntu); elsewhere says the line to run. */
export async function installPrograms({ brokerByDocker, say }) {
  const missing = await findMissing(brokerByDocker);
  if (missing.length === 0) return 'all here';
  say(`missing: ${missing.map(({ name, why }) => `${name} (${why})`).join(', ')}`);
  if (!canInstall()) return `to install them: ${installLine(missing)}`;
  await aptInstall(missing);
  const still = await findMissing(brokerByDocker);
  if (still.length === 0) return `installed ${missing.map(({ name }) => name).join(', ')}`;
  throw new StepFailed(
    `Still missing after apt-get: ${still.map(({ name }) => name).join(', ')}`,
    `Install them by hand: ${installLine(still)}`,
  );
}

async function findMissing(brokerByDocker) {
  const wanted = PROGRAMS.filter(
    ({ forStack, forTests, linuxOnly }) =>
      !(forStack && brokerByDocker) &&
      !(forTests && process.env.RAVENHELM_TEST_PROGRAMS !== '1') &&
      !(linuxOnly && platform() !== 'linux'),
  );
  const found = await Promise.all(wanted.map(async ({ find }) => find()));
  return wanted.filter((_, index) => !found[index]);
}

function canInstall() {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

async function aptInstall(missing) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const nextStep = `Run it by hand: ${installLine(missing)}`;
  await mustRun('apt-get', ['update', '-q'], { env, nextStep });
  const packages = await Promise.all(missing.map(({ debian }) => firstKnown(debian)));
  await mustRun('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], { env, nextStep });
}

/** Releases carry different Java versions; apt-cache knows which. */
async function firstKnown(candidates) {
  for (const name of candidates) {
    if ((await run('apt-cache', ['show', name])).exitCode === 0) return name;
  }
  return candidates[0];
}

/** The one line for this system. */
function installLine(missing) {
  if (existsSync('/usr/bin/apt-get'))
    return `sudo apt-get update && sudo apt-get install -y ${missing.map(({ debian }) => debian[0]).join(' ')}`;
  if (existsSync('/usr/bin/dnf')) return `sudo dnf install -y ${missing.map(({ dnf }) => dnf).join(' ')}`;
  if (platform() === 'darwin') return `brew install ${missing.map(({ brew }) => brew).join(' ')}`;
  return `install ${missing.map(({ name }) => name).join(', ')} with this system's package manager`;
}

async function runs(command, args) {
  return (await run(command, args)).exitCode === 0;
}

/** Debian keeps the server's programs in a directory for each version. */
function hasPostgresServer() {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  return versions.length > 0 || existsSync('/usr/bin/initdb');
}

async function hasUtilLinux() {
  return (await runs('setsid', ['--version'])) && (await runs('setpriv', ['--version']));
}

async function hasJava() {
  const { findJava } = await import('../../dist/local/java-runtime.js');
  return (await findJava(process.env)).found;
}
