import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { loadExeca } from './load-execa.js';
import { StackError } from './stack-error.js';
import type { StackPlace, StackWorld } from './stack-place.js';

export type DockerEngine = { readonly answers: true } | { readonly answers: false; readonly reason: string };

/** Whether a Docker engine with compose answers; the docker command alone is not enough. */
export async function findDockerEngine(env: StackWorld['env']): Promise<DockerEngine> {
  const engine = await docker(env, ['info', '--format', '{{.ServerVersion}}'], 10_000);
  if (engine.notFound) return { answers: false, reason: 'there is no docker command' };
  // Older versions of `docker info` exit 0 without an engine and print an empty server version.
  if (!engine.ok || engine.stdout === '')
    return { answers: false, reason: 'no Docker engine answers the docker command' };
  const compose = await docker(env, ['compose', 'version', '--short'], 10_000);
  return compose.ok
    ? { answers: true }
    : { answers: false, reason: 'the Docker engine answers, but docker compose is missing' };
}

/** Starts only the broker and registry of the compose file. Resolves when their health checks pass. */
export async function composeUp(
  place: StackPlace,
  env: StackWorld['env'],
  progress: (line: string) => void,
): Promise<void> {
  const args = [...composeArguments(place), 'up', '--detach', '--wait', '--wait-timeout', '300', BROKER_SERVICE];
  const execa = await loadExeca();
  const run = execa('docker', args, { reject: false, env, extendEnv: false, stdin: 'ignore' });
  for await (const line of run.iterable({ from: 'stderr' })) progress(`docker: ${String(line).trim()}`);
  const { exitCode, stderr } = await run;
  if (exitCode === 0) return;
  throw new StackError(
    'start_failed',
    `docker compose could not start the broker (exit ${exitCode ?? 'by signal'}): ${lastLine(stderr)}`,
    `See docker ${composeArguments(place).join(' ')} logs ${BROKER_SERVICE}`,
  );
}

export async function composeDown(place: StackPlace, env: StackWorld['env']): Promise<void> {
  const { ok, stderr } = await docker(env, [...composeArguments(place), 'down'], 120_000);
  if (ok) return;
  throw new StackError('stop_failed', `docker compose down failed: ${lastLine(stderr)}`, 'See docker ps.');
}

/** Whether this clone's broker container is running. */
export async function composeRuns(place: StackPlace, env: StackWorld['env']): Promise<boolean> {
  const args = [...composeArguments(place), 'ps', '--quiet', '--status', 'running', BROKER_SERVICE];
  const { ok, stdout } = await docker(env, args, 15_000);
  return ok && stdout !== '';
}

/**
 * The clone or project whose container publishes the port; null if there is none. Compose knows the directory of its
 * file, which is the installed package in a project.
 */
export async function composeProjectOnPort(port: number, env: StackWorld['env']): Promise<string | null> {
  const format = '{{.Label "com.docker.compose.project.working_dir"}}';
  const { ok, stdout } = await docker(env, ['ps', '--filter', `publish=${port}`, '--format', format], 15_000);
  return ok && stdout !== '' ? (stdout.split('\n')[0] ?? '').replace(/\/node_modules\/ravenhelm$/, '') : null;
}

const BROKER_SERVICE = 'redpanda';

/** The project name has a hash of the path, so that clones in directories of the same name have separate projects. */
export function composeArguments(place: StackPlace): readonly string[] {
  const clone = createHash('sha256').update(place.cloneDir).digest('hex').slice(0, 8);
  return ['compose', '-p', `ravenhelm-${clone}`, '-f', join(place.packageDir, 'docker-compose.redpanda.yml')];
}

async function docker(env: StackWorld['env'], args: readonly string[], timeout: number) {
  const execa = await loadExeca();
  const result = await execa('docker', args, { reject: false, env, extendEnv: false, stdin: 'ignore', timeout });
  return {
    ok: result.exitCode === 0,
    notFound: result.code === 'ENOENT',
    stdout: (result.stdout ?? '').trim(),
    stderr: result.stderr ?? '',
  };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
