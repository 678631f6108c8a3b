import { spawn } from 'node:child_process';

import { root, StepFailed } from '../../scripts/steps/run.mjs';

/** How long a program may take to end after SIGTERM. */
const GRACE_MS = 5_000;

/**
 * Runs programs to their end, with stdout and stderr kept. Each leads a separate process group, so that a Ctrl-C in the
 * terminal reaches this program only; when the signal is aborted, it ends what it runs. exitCode is null when there is
 * no such program.
 */
export function createRunner(signal) {
  return (program, args, { cwd = root, env = process.env } = {}) => {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
      let stdout = '';
      let output = '';
      let killTimer;
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
        output += chunk;
      });
      child.stderr.on('data', (chunk) => (output += chunk));
      const end = () => {
        signalGroup(child.pid, 'SIGTERM');
        killTimer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE_MS);
      };
      signal?.addEventListener('abort', end, { once: true });
      const settle = (result) => {
        clearTimeout(killTimer);
        signal?.removeEventListener('abort', end);
        if (signal?.aborted) reject(signal.reason);
        else resolve(result);
      };
      child.once('error', (error) => settle({ exitCode: null, stdout, output: error.message }));
      child.once('close', (code) => settle({ exitCode: code ?? 128, stdout, output }));
    });
  };
}

/** Like a runner's call, but a failure is a StepFailed with the whole output. Returns stdout, trimmed at its end. */
export async function mustSucceed(run, program, args, options) {
  const { exitCode, stdout, output } = await run(program, args, options);
  if (exitCode === 0) return stdout.trimEnd();
  const how = exitCode === null ? 'could not be started' : `exited with ${exitCode}`;
  throw new StepFailed(`${[program, ...args].join(' ')} ${how}:\n${output.trimEnd()}`, null);
}

function signalGroup(pid, name) {
  if (pid === undefined) return; // it never started
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it has ended
  }
}
