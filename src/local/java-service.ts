import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { commandLine, isMissing, signalProcess } from './os-process.js';
import { findPortHolder } from './port-holder.js';
import { poll } from './poll.js';
import { isOurs, markerArguments, type ServiceName } from './process-marker.js';
import { StackError } from './stack-error.js';
import type { StackPlace, StackWorld } from './stack-place.js';

/** One of the two JVMs of the Java stack. */
export interface JavaService {
  readonly name: ServiceName;
  /** The name in messages. */
  readonly title: string;
  /** Requests go to the first one. */
  readonly ports: readonly [number, ...number[]];
  /** Creates the files that the first start needs. */
  prepare(java: string, env: StackWorld['env']): Promise<void>;
  /** Arguments of java, without the marker. */
  readonly javaArguments: readonly string[];
  /** true if it answers; null if it does not (yet), or answers as another clone's service. */
  ask(): Promise<true | null>;
}

/**
 * The pid of a service of this stack; null if it does not run. If the starting process was killed before it recorded
 * the pid, the service is found by its port.
 */
export async function findService(place: StackPlace, service: JavaService): Promise<number | null> {
  const recorded = await recordedPid(place, service.name);
  if (recorded !== null && (await isServicePid(place, service, recorded))) return recorded;
  const holder = await findPortHolder(service.ports[0]);
  if (holder === null || !isOurs(holder.command, place, service.name)) return null;
  await recordPid(place, service.name, holder.pid);
  return holder.pid;
}

export async function isServicePid(place: StackPlace, service: JavaService, pid: number): Promise<boolean> {
  const command = await commandLine(pid);
  return command !== null && isOurs(command, place, service.name);
}

/** Whether this clone's service answers. Another clone's registry on the same port would answer in the same way. */
export async function answersItself(place: StackPlace, service: JavaService): Promise<boolean> {
  if ((await service.ask()) !== true) return false;
  const holder = await findPortHolder(service.ports[0]);
  if (holder !== null) return isOurs(holder.command, place, service.name);
  // Either the system does not tell who holds the port, or what has answered has ended since.
  return (await service.ask()) === true;
}

/** Starts the JVM in a separate session, so that neither Ctrl-C nor the end of this process stops it. */
export async function launchService(
  place: StackPlace,
  service: JavaService,
  java: string,
  env: StackWorld['env'],
): Promise<number> {
  await mkdir(place.dataDir, { recursive: true });
  const log = await open(logFile(place, service.name), 'a');
  try {
    // Not execa: it accepts no file descriptors, and its pipes would end with this process, before the service does.
    const child = spawn(java, [...markerArguments(place, service.name), ...service.javaArguments], {
      cwd: place.dataDir,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: withoutSecrets(env),
    });
    child.unref();
    await once(child, 'spawn').catch((error: unknown) => {
      throw new StackError('start_failed', `Could not start ${service.title}.`, 'Check that java -version works.', {
        cause: error,
      });
    });
    if (child.pid === undefined) throw new Error(`${service.title} was spawned without a pid`);
    await recordPid(place, service.name, child.pid);
    return child.pid;
  } finally {
    await log.close();
  }
}

/** Ends the service. Resolves when the process no longer exists; false if there was none. */
export async function stopService(place: StackPlace, service: JavaService, world: StackWorld): Promise<boolean> {
  const pid = await findService(place, service);
  if (pid !== null) {
    const ended = async () => ((await isServicePid(place, service, pid)) ? null : true);
    signalProcess(pid, 'SIGTERM');
    if ((await poll(ended, { clock: world.clock, everyMs: 50, limitMs: 20_000 })) === null) {
      signalProcess(pid, 'SIGKILL');
      if ((await poll(ended, { clock: world.clock, everyMs: 50, limitMs: 10_000 })) === null) {
        throw new StackError('stop_failed', `${service.title} (pid ${pid}) did not stop.`, `Run: kill -9 ${pid}`);
      }
    }
  }
  await rm(pidFile(place, service.name), { force: true });
  return pid !== null;
}

export function logFile(place: StackPlace, name: ServiceName): string {
  return join(place.dataDir, `${name}.log`);
}

/** The last lines of a service's log for an error message, without stack frames, which hide the reason. */
export async function logTail(place: StackPlace, name: ServiceName, lines: number): Promise<string> {
  const text = await readFile(logFile(place, name), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
    .slice(-lines)
    .join('\n');
}

function pidFile(place: StackPlace, name: ServiceName): string {
  return join(place.dataDir, `${name}.pid`);
}

async function recordPid(place: StackPlace, name: ServiceName, pid: number): Promise<void> {
  await mkdir(place.dataDir, { recursive: true });
  await writeFile(pidFile(place, name), `${pid}\n`);
}

async function recordedPid(place: StackPlace, name: ServiceName): Promise<number | null> {
  try {
    const pid = Number(await readFile(pidFile(place, name), 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'TZ', 'JAVA_HOME', 'JAVA_TOOL_OPTIONS'];

/** A broker that outlives the swarm must not receive the swarm's API keys. */
function withoutSecrets(env: StackWorld['env']): Record<string, string | undefined> {
  return Object.fromEntries(PASSED_ON.map((name) => [name, env[name]]));
}
