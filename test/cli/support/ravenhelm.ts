import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pty from '@lydell/node-pty';
import type { TestClone } from './clone.js';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The in-memory log. */
export const MEMORY = ['--log', 'memory'];
/** A broker and a registry where nothing listens. */
export const UNREACHABLE = { KAFKA_BROKERS: '127.0.0.1:9', SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9' };

/** These tests are not about the sandbox; a flag that is given later wins. */
const FLAGS = ['--sandbox', 'off'];

/** The program in a pipe; input is all that it can read. */
export function startInPipe(
  clone: TestClone,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
) {
  const child = spawn(process.execPath, [join(clone.dir, 'bin/ravenhelm.js'), ...FLAGS, ...args], {
    cwd: clone.dir,
    env: { ...clone.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A program that does not read it may have ended.
  child.stdin.on('error', () => undefined).end(input);
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const wake = () => [...listeners].forEach((listener) => listener());
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    wake();
  });
  const closed = once(child, 'close');
  return {
    child,
    stdout: () => stdout,
    /** Resolves when stdout and stderr together hold the text. */
    shows: (text: string) => untilTrue(() => `${stdout}\n${stderr}`.includes(text), listeners),
    async ended(): Promise<Ended> {
      await closed;
      return { code: child.exitCode, stdout, stderr };
    },
  };
}

export function runInPipe(
  clone: TestClone,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return startInPipe(clone, args, env).ended();
}

/** The program on a pseudo-terminal; file and args as given, the program itself when file is null. */
export function startOnTerminal(
  clone: TestClone,
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly columns?: number;
    readonly rows?: number;
    readonly file?: string;
  } = {},
) {
  const program = options.file ?? process.execPath;
  const words = options.file === undefined ? [join(clone.dir, 'bin/ravenhelm.js'), ...FLAGS, ...args] : [...args];
  const terminal = pty.spawn(program, words, {
    cols: options.columns ?? 100,
    rows: options.rows ?? 30,
    cwd: clone.dir,
    env: { ...clone.env, ...options.env },
  });
  let output = '';
  const listeners = new Set<() => void>();
  terminal.onData((text) => {
    output += text;
    [...listeners].forEach((listener) => listener());
  });
  const exit = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  return {
    output: () => output,
    shows: (text: string) => untilTrue(() => output.includes(text), listeners),
    type: (text: string) => terminal.write(text),
    interrupt: () => terminal.write('\u0003'),
    resize: (columns: number, rows: number) => terminal.resize(columns, rows),
    exit,
  };
}

function untilTrue(isTrue: () => boolean, listeners: Set<() => void>): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!isTrue()) return;
      listeners.delete(check);
      resolve();
    };
    listeners.add(check);
    check();
  });
}
