import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { lastLines, root, run } from './run.mjs';

const SOURCE = join(root, 'test/telemetry/collector');
const CACHE = join(root, '.ravenhelm/collector');
/** Measured cold on two cores, quiet and busy. */
const COLD_BUILD = 'one and a half to six minutes the first time; later builds use Go’s own cache';

/**
 * Builds the OpenTelemetry collector of the tests from its Go modules, unless it is here. It is put in place whole: a
 * build that was interrupted leaves at most a file that the next one deletes. The caller has the lock.
 * Resolves with its path, or with the reason why there is none.
 */
export async function buildCollector({ say }) {
  const binary = join(CACHE, `otelcol-${await digestOfSource()}`);
  if (existsSync(binary)) return { path: binary };
  const unfit = await whyGoIsUnfit();
  if (unfit !== null) return { reason: unfit };
  await mkdir(CACHE, { recursive: true });
  for (const leftOver of await readdir(CACHE)) await rm(join(CACHE, leftOver), { force: true });
  say(`building the OpenTelemetry collector: ${COLD_BUILD}`);
  const fresh = `${binary}.${process.pid}`; // the Go of a killed process may still write to its own
  const flags = ['-trimpath', '-buildvcs=false', '-ldflags', '-s -w'];
  const { exitCode, output } = await run('go', ['-C', SOURCE, 'build', ...flags, '-o', fresh, '.'], { env: GO });
  if (exitCode !== 0) return { reason: `the collector cannot be built: ${lastLines(output, 5)}` };
  await rename(fresh, binary);
  return { path: binary };
}

/** No C compiler, and no other Go than the one that is installed. */
const GO = { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local' };

async function whyGoIsUnfit() {
  const { exitCode, output } = await run('go', ['env', 'GOVERSION'], { env: GO });
  if (exitCode !== 0) return 'there is no Go to build the OpenTelemetry collector with';
  const wanted = /^go (\d+)\.(\d+)/m.exec(await readFile(join(SOURCE, 'go.mod'), 'utf8'));
  const found = /go(\d+)\.(\d+)/.exec(output);
  const [wantedMinor, foundMinor] = [wanted, found].map((match) => Number(match?.[1]) * 1000 + Number(match?.[2]));
  if (foundMinor >= wantedMinor) return null;
  return `the OpenTelemetry collector needs Go ${wanted[1]}.${wanted[2]}, and this is ${output.trim()}`;
}

async function digestOfSource() {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(await readFile(join(SOURCE, name)));
  return hash.digest('hex').slice(0, 16);
}
