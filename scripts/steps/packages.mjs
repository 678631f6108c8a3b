import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { mustRun, root } from './run.mjs';

/** npm ci, unless node_modules already holds what package-lock.json says. */
export async function installPackages() {
  if (await isInstalled()) return 'already installed';
  // No install script is needed: what has native parts (swc, node-pty) ships them as packages for each platform.
  await mustRun('npm', ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=warn'], {
    nextStep: 'Check the network and npm ping, then run npm run setup again.',
  });
  return 'installed';
}

/**
 * npm notes in node_modules what it put there; optional packages for other platforms are missing in it. The note alone
 * is no proof: it stays where an interrupted npm, or a person, has deleted packages.
 */
async function isInstalled() {
  const [wanted, there] = await Promise.all(
    ['package-lock.json', 'node_modules/.package-lock.json'].map(lockedPackages),
  );
  if (wanted === null || there === null) return false;
  return Object.entries(wanted)
    .filter(([path, { optional }]) => path !== '' && optional !== true)
    .every(
      ([path, { version, integrity }]) =>
        there[path]?.version === version &&
        there[path]?.integrity === integrity &&
        existsSync(join(root, path, 'package.json')),
    );
}

async function lockedPackages(file) {
  const text = await readFile(join(root, file), 'utf8').catch(() => null); // not there: not installed
  return text === null ? null : JSON.parse(text).packages;
}
