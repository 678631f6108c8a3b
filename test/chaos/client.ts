/**
 * The command line as a person uses it, run in this process: the same code from reading the arguments to the exit code.
 */
import { hostname } from 'node:os';
import { runCommandLine } from '../../src/cli/command-line.js';
import type { Host, Output } from '../../src/cli/host.js';
import type { Site } from './site.js';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; never rejects for what the command says. */
export type RunCommand = (...argv: readonly string[]) => Promise<CommandResult>;

export function createClient(site: Site, env: Readonly<Record<string, string | undefined>>): RunCommand {
  return async (...argv) => {
    const stdout: string[] = [];
    const stderr: string[] = [];
    const host: Host = {
      argv,
      env,
      cwd: site.dir,
      projectDir: site.root,
      packageDir: site.root,
      version: '0.0.0',
      user: 'chaos',
      hostname: hostname(),
      pid: process.pid,
      isRoot: false,
      nodePath: process.execPath,
      stdout: collect(stdout),
      stderr: collect(stderr),
      interruption: site.signal,
      clock: site.clock,
      ids: site.ids,
      random: Math.random,
      ask: null,
      async *lines() {},
    };
    const code = await runCommandLine(host);
    return { code, stdout: stdout.join(''), stderr: stderr.join('') };
  };
}

function collect(parts: string[]): Output {
  return {
    write: (text) => void parts.push(text),
    drained: async () => undefined,
    isTerminal: false,
    size: () => ({ columns: 80, rows: 24 }),
    onResize: () => () => undefined,
    closed: new AbortController().signal,
  };
}
