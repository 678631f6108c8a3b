/** The process: arguments, environment, signals, streams and the exit. It passes to everything else what that needs. */
import { readFileSync, writeSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { createInterface as createLineReader } from 'node:readline';
import { createInterface } from 'node:readline/promises';
import { z } from 'zod';
import { Interrupted } from './cli/cli-error.js';
import { runCommandLine } from './cli/command-line.js';
import { EXIT } from './cli/exit-codes.js';
import { failureText } from './cli/failure.js';
import type { Host, Output } from './cli/host.js';
import { createInterruption } from './cli/interruption.js';
import { logText } from './cli/log-text.js';
import { projectDirOf } from './cli/project-dir.js';
import { SHOW_CURSOR } from './cli/screen.js';
import { PACKAGE_DIR } from './swarm/package-dir.js';
import { createLogger } from './telemetry/pino-logger.js';
import { createSystemClock, createSystemIds } from './telemetry/system-clock.js';

const program = process.argv[1] ?? PACKAGE_DIR;
const projectDir = projectDirOf({ packageDir: PACKAGE_DIR, cwd: process.cwd(), program });
const clock = createSystemClock();

/** Whether text was lost that a reader may rely on: then no exit code says done. */
let textLost = false;

/**
 * Node's streams as Output. A reader that has gone (EPIPE) is no error: what follows is dropped. So it is where nothing
 * can be written any more (a full disk, a terminal that is gone), but that is said, and the command is not done then.
 */
function createOutput(stream: NodeJS.WriteStream): Output {
  const closed = new AbortController();
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (closed.signal.aborted) return;
    closed.abort();
    if (error.code === 'EPIPE') return;
    textLost = true;
    if (stream === process.stdout)
      process.stderr.write(
        failureText({
          exitCode: EXIT.usage,
          message: `the output cannot be written: ${error.message}`,
          nextStep: 'Make space, or send it elsewhere; what the command did until then is in the log.',
        }),
      );
  });
  return {
    write: (text) => void (closed.signal.aborted || stream.write(text)),
    async drained() {
      if (closed.signal.aborted || !stream.writableNeedDrain) return;
      await new Promise<void>((resolve) => {
        const done = () => {
          stream.off('drain', done);
          closed.signal.removeEventListener('abort', done);
          resolve();
        };
        stream.on('drain', done);
        closed.signal.addEventListener('abort', done);
      });
    },
    isTerminal: stream.isTTY === true,
    size: () => ({ columns: stream.columns ?? 80, rows: stream.rows ?? 24 }),
    onResize(listener) {
      stream.on('resize', listener);
      return () => void stream.off('resize', listener);
    },
    closed: closed.signal,
  };
}

/** Also after a second Ctrl-C in the middle of a drawing: the cursor is never left hidden. */
process.on('exit', () => {
  for (const stream of [process.stdout, process.stderr]) if (stream.isTTY) writeSync(stream.fd, SHOW_CURSOR);
});

/**
 * An error that nothing handled is logged and ends the process, whatever the flags of node say. The swarm's log has
 * everything that the supervisor's next process needs to continue.
 */
function endWithInternalError(origin: string): (error: unknown) => void {
  return (error) => {
    const shown = (line: string) => (process.stderr.isTTY ? logText(line, false) : line);
    createLogger({ level: 'error', write: (line) => void writeSync(process.stderr.fd, shown(line)) }).error(
      { error, origin, exit_code: EXIT.internal },
      'process.internal_error',
    );
    process.exit(EXIT.internal);
  };
}
for (const origin of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(origin, endWithInternalError(origin));

const interruption = createInterruption({ clock, atOnce: () => process.exit(EXIT.interrupted) });
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => interruption.signal(new Interrupted(`stopped by ${signal}`)));

const host: Host = {
  argv: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  packageDir: PACKAGE_DIR,
  projectDir,
  version: z.object({ version: z.string() }).parse(JSON.parse(readFileSync(`${PACKAGE_DIR}/package.json`, 'utf8')))
    .version,
  user: userName(),
  hostname: hostname(),
  pid: process.pid,
  isRoot: process.getuid?.() === 0,
  nodePath: process.execPath,
  stdout: createOutput(process.stdout),
  stderr: createOutput(process.stderr),
  ask: process.stdin.isTTY === true && process.stderr.isTTY === true ? askOnTerminal : null,
  lines: () => createLineReader({ input: process.stdin, crlfDelay: Infinity }),
  interruption: interruption.aborted,
  clock,
  ids: createSystemIds(),
  random: Math.random,
};

const exitCode = await runCommandLine(host);
await Promise.all([flush(process.stdout), flush(process.stderr)]);
process.exit(exitCode === EXIT.done && textLost ? EXIT.usage : exitCode);

/**
 * The question goes to stderr: stdout may be a document. Ctrl-C interrupts as anywhere else; Ctrl-D is an empty answer.
 */
async function askOnTerminal(question: string, withdrawn?: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new AbortController();
  terminal.on('SIGINT', () => interruption.signal(new Interrupted('stopped by SIGINT')));
  terminal.on('close', () => closed.abort());
  try {
    const ends = [interruption.aborted, closed.signal, ...(withdrawn === undefined ? [] : [withdrawn])];
    return await terminal.question(question, { signal: AbortSignal.any(ends) });
  } catch (error) {
    interruption.aborted.throwIfAborted();
    if (closed.signal.aborted || withdrawn?.aborted === true) return '';
    throw error;
  } finally {
    terminal.close();
  }
}

/** A container's uid may have no entry in /etc/passwd; then userInfo throws. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Resolves when what was written has left the process, or its reader has gone. */
function flush(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}
