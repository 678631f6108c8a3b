/** A process tries the sandbox once for the same options. Here node is a script, which a probe runs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../src/ports/logger.js';
import { openTools } from '../../src/swarm/tools.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { probeSandbox } from '../../src/tools/probe.js';
import { removeTemporaryDirectories, temporaryDirectory } from './harness.js';

afterAll(removeTemporaryDirectories);

let nodePath: string;
const nodeEndsWith = (code: number) => writeFileSync(nodePath, `#!/bin/sh\nexit ${code}\n`, { mode: 0o755 });
beforeEach(() => {
  nodePath = join(temporaryDirectory(), 'node');
  nodeEndsWith(0);
});

const probe = (...extraBinds: readonly { source: string; target: string }[]) =>
  probeSandbox({ toolboxDir: null, extraBinds, nodePath });

test('a sandbox that works is remembered, for these options only', async () => {
  const first = await probe();
  expect(first).toMatchObject({ ok: true });
  nodeEndsWith(1);
  expect(await probe()).toBe(first);
  expect(await probe({ source: '/usr', target: '/other' })).toMatchObject({ ok: false });
});

test('a sandbox that does not work is tried again', async () => {
  nodeEndsWith(1);
  expect(await probe()).toMatchObject({ ok: false, reason: 'node does not run in it' });
  nodeEndsWith(0);
  expect(await probe()).toMatchObject({ ok: true });
});

test('swarms that start at the same time share one probe', async () => {
  const [one, two] = await Promise.all([probe(), probe()]);
  expect(one).toMatchObject({ ok: true });
  expect(two).toBe(one);
});

test('the tools of a second swarm in a process, with other workspaces, need no probe', async () => {
  const packageDir = temporaryDirectory();
  mkdirSync(join(packageDir, 'toolbox'));
  const open = () =>
    openTools({
      workspaceRoot: temporaryDirectory(),
      sandbox: true,
      packageDir,
      nodePath,
      clock: createSystemClock(),
      logger: silentLogger,
      redact: (text) => text,
    });
  expect(await open()).toMatchObject({ degradedReason: null });
  nodeEndsWith(1);
  expect(await open()).toMatchObject({ degradedReason: null });
});
