import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { lastLines, root, run } from './run.mjs';

const PROGRAMS = ['prometheus', 'promtool'];
const CACHE = join(root, '.ravenhelm/prometheus');

/**
 * Finds Prometheus and promtool: installed ones, else Debian's package, unpacked into the clone. That needs no root and
 * starts no service; apt-get update, which needs root, is run only where the package is not known without it.
 * Resolves with the directory of both programs, or with the reason why there are none.
 */
export async function fetchPrometheus({ say }) {
  if (existsSync(join(CACHE, 'promtool'))) return { path: CACHE };
  const installed = findInstalled();
  if (installed !== null) return { path: installed };
  if ((await run('dpkg', ['--version'])).exitCode !== 0)
    return { reason: 'there are no prometheus and promtool on PATH, and no Debian package can be unpacked here' };
  say('fetching Prometheus from Debian');
  const fresh = `${CACHE}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const failure = await downloadTo(fresh);
  if (failure !== null) return { reason: failure };
  await rm(CACHE, { recursive: true, force: true }); // what an older version of this file has left
  await rename(join(fresh, 'usr/bin'), CACHE); // only the programs: links of its web pages lead to other packages
  await rm(fresh, { recursive: true });
  return { path: CACHE };
}

/** The first directory of PATH with both. */
function findInstalled() {
  const directories = (process.env.PATH ?? '').split(':');
  const hasBoth = (directory) => PROGRAMS.every((name) => existsSync(join(directory, name)));
  return directories.find(hasBoth) ?? null;
}

async function downloadTo(directory) {
  let fetched = await aptDownload(directory);
  if (fetched.exitCode !== 0 && process.getuid?.() === 0) {
    await run('apt-get', ['update', '-q']);
    fetched = await aptDownload(directory);
  }
  if (fetched.exitCode !== 0) return `Debian's prometheus cannot be downloaded: ${lastLines(fetched.output, 3)}`;
  const [archive] = (await readdir(directory)).filter((name) => name.endsWith('.deb'));
  const unpacked = await run('dpkg', ['-x', join(directory, archive), directory]);
  return unpacked.exitCode === 0 ? null : `Debian's prometheus cannot be unpacked: ${lastLines(unpacked.output, 3)}`;
}

/** apt-get download writes to its working directory. */
async function aptDownload(directory) {
  return run('sh', ['-c', 'cd "$1" && exec apt-get download -q prometheus', 'sh', directory]);
}
