import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A step that failed: what failed, its output's end, and what to do. */
export class StepFailed extends Error {
  constructor(message, nextStep) {
    super(message);
    this.name = 'StepFailed';
    this.nextStep = nextStep;
  }
}

const children = new Set();

/** Passes a signal on to what run() runs. A Ctrl-C needs none of this: the terminal sends it to all of them. */
export function signalChildren(signal) {
  for (const child of children) child.kill(signal);
}

/** Runs a program to its end with its output kept. exitCode is null when there is no such program. */
export async function run(command, args, { env = process.env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const settle = (result) => {
      children.delete(child);
      resolve(result);
    };
    child.once('error', (error) => settle({ exitCode: null, output: error.message }));
    child.once('close', (exitCode, signal) =>
      settle({ exitCode: exitCode ?? 128, output: signal === null ? output : `${output}\nended by ${signal}` }),
    );
  });
}

/** Like run(), but a failure is a StepFailed with the end of the output. */
export async function mustRun(command, args, { nextStep, ...options }) {
  const { exitCode, output } = await run(command, args, options);
  if (exitCode === 0) return output;
  const how = exitCode === null ? 'could not be started' : `exited with ${exitCode}`;
  throw new StepFailed(`${[command, ...args].join(' ')} ${how}:\n${lastLines(output, 30)}`, nextStep);
}

export function lastLines(text, count) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
