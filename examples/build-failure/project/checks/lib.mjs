// What the checks share: a copy of the project in a temporary directory, and the build in it.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BUILT = ['build.mjs', 'build', 'config', 'src', 'test'];

/** Calls with the directory of a copy and removes it. */
export function inCopy(use) {
  const dir = mkdtempSync(join(tmpdir(), 'build-'));
  try {
    for (const name of BUILT) cpSync(name, join(dir, name), { recursive: true });
    return use(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** The build in a directory: whether it passed, and the lines that it printed. */
export function build(dir) {
  const { status, stdout } = spawnSync(process.execPath, ['build.mjs'], { cwd: dir, encoding: 'utf8' });
  return { passed: status === 0, lines: stdout.trimEnd().split('\n') };
}

export function fail(text) {
  console.error(`FAILED ${text}`);
  process.exit(1);
}
