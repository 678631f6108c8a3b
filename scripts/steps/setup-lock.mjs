import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { root } from './run.mjs';

const LOCK = '.ravenhelm/setup.pid';
const ASK_EVERY_MS = 300;

/**
 * Two setups of one clone at a time would delete each other's packages: the second waits until the first has ended.
 * onWait(pid) is called once if it has to. Returns a function that frees the lock. Other programs lock other files:
 * program is what the command line of such a process contains.
 */
export async function lockSetup(onWait, file = join(root, LOCK), program = 'setup.mjs') {
  mkdirSync(join(file, '..'), { recursive: true });
  for (let waited = false; ; waited = true) {
    if (claim(file)) return () => rmSync(file, { force: true });
    const holder = holderOf(file, program);
    if (holder === null) {
      rmSync(file, { force: true }); // what was killed leaves its file
      continue;
    }
    if (!waited) onWait(holder);
    await sleep(ASK_EVERY_MS);
  }
}

function claim(file) {
  try {
    writeFileSync(file, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
}

/** The process that holds the lock; null if there is none any more. */
function holderOf(file, program) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // Another process may have its number by now. Only Linux tells what it is.
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program) ? pid : null;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(error.code)) return null;
    throw error;
  }
}
