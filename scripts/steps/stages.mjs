import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { root } from './run.mjs';

/**
 * Runs commands one after the other, all of them, and prints how long each took. Resolves with the names of those that
 * failed.
 * @param {readonly { name: string, command: readonly string[], env?: NodeJS.ProcessEnv, advice?: string }[]} stages
 * @returns {Promise<readonly string[]>}
 */
export async function runStages(stages) {
  const failed = [];
  for (const stage of stages) {
    process.stdout.write(`== ${stage.name}: ${shown(stage.command)}\n`);
    const startedAt = performance.now();
    const isGood = (await exitCodeOf(stage)) === 0;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stdout.write(`== ${stage.name} ${isGood ? 'passed' : 'FAILED'} (${seconds} s)\n`);
    if (isGood) continue;
    failed.push(stage.name);
    if (stage.advice !== undefined) process.stdout.write(`→ ${stage.advice}\n`);
  }
  return failed;
}

function shown(command) {
  return command.map((part) => (part === process.execPath ? 'node' : part)).join(' ');
}

function exitCodeOf({ command: [program, ...args], env = process.env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
}
