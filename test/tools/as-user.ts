import { execFile } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { transformSync } from '@swc/core';
import { temporaryDirectory } from './harness.js';

/** A user other than root, for the tools with user namespaces in place of setpriv. Only root can switch to it. */
export const USER = 12_346;

export interface UserPlace {
  /** Has the compiled tools below src/. */
  readonly directory: string;
  /** A root of workspaces that belongs to USER. */
  readonly root: string;
}

/**
 * Whether this computer forbids user namespaces, so that nothing of them can be tested. Where all programs of the tests
 * must be there, as in CI, that is an error.
 */
export function isForbidden(sandbox: { readonly ok: boolean; readonly reason?: string } | undefined): boolean {
  if (sandbox === undefined || sandbox.ok) return false;
  if (process.env['RAVENHELM_TEST_PROGRAMS'] === '1')
    throw new Error(`RAVENHELM_TEST_PROGRAMS=1, and there are no user namespaces: ${sandbox.reason ?? ''}`);
  return true;
}

/** Does what this process does meanwhile with the rights of USER. */
export async function asUser<T>(work: () => Promise<T>): Promise<T> {
  process.seteuid?.(USER);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** Compiles the tools to a directory that USER can enter; the clone may be closed to it. */
export function placeForUser(): UserPlace {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  for (const layer of ['tools', 'ports', 'domain']) {
    const names = readdirSync(resolve('src', layer), { recursive: true, encoding: 'utf8' });
    for (const name of names.filter((file) => file.endsWith('.ts'))) {
      const target = join(directory, 'src', layer, name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      const { code } = transformSync(readFileSync(resolve('src', layer, name), 'utf8'), {
        filename: name,
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
      });
      writeFileSync(target, code);
    }
  }
  cpSync(resolve('bin'), join(directory, 'bin'), { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  for (const name of ['zod', 'ignore'])
    cpSync(resolve('node_modules', name), join(directory, 'node_modules', name), { recursive: true });
  const root = join(directory, 'workspaces');
  mkdirSync(root);
  chownSync(root, USER, USER);
  return { directory, root };
}

/**
 * Runs a module as USER and resolves with what it printed, as JSON text. The module gets the root of the workspaces as
 * its first argument, and has `sandbox` (the probe's result), `executor`, `task` and
 * `call(tool, arguments, timeLimitMs)`.
 * @param before a program with arguments that starts it, as root
 */
export async function runAsUser(
  { directory, root }: UserPlace,
  module: string,
  before: readonly string[] = ['env'],
): Promise<string> {
  writeFileSync(join(directory, 'script.mjs'), `${PREAMBLE}\n${module}`);
  const [program = '', ...rest] = before;
  const { stdout } = await promisify(execFile)(
    program,
    [
      ...rest,
      ...['setpriv', '--reuid', String(USER), '--regid', String(USER), '--clear-groups'],
      ...[process.execPath, join(directory, 'script.mjs'), root],
    ],
    { env: { PATH: process.env['PATH'] ?? '', SECRET: 'sk-canary-0123456789', HOME: '/' } },
  );
  return stdout;
}

const PREAMBLE = `
import { createToolExecutor } from './src/tools/tool-executor.js';
import { probeSandbox } from './src/tools/probe.js';
import { workspaceMarker } from './src/tools/places.js';
const [, , root] = process.argv;
const system = { toolboxDir: null, extraBinds: [], nodePath: process.execPath };
const sandbox = await probeSandbox(system);
if (!sandbox.ok) { console.log(JSON.stringify({ sandbox })); process.exit(0); }
const logger = { debug() {}, info() {}, warn() {}, error() {}, child() { return logger; } };
const setTimer = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs);
  return { cancel: () => clearTimeout(timer) };
};
const clock = { now: Date.now, monotonicMs: () => performance.now(), setTimer };
const executor = createToolExecutor({ ...system, workspaceRoot: root, sandbox, clock, logger });
const marker = await workspaceMarker(root);
const ids = { missionId: 'm1', taskId: 't1', attempt: 1 };
const task = { ...ids, workspace: null, workspaceMarker: marker, secretsKey: 'none' };
let step = 0;
const never = new AbortController().signal;
const call = (tool, args, timeLimitMs = 20000, limits = undefined) =>
  executor.run({ task, step: ++step, claimOffset: 1, timeLimitMs, limits, tool, arguments: args }, never);
`;
