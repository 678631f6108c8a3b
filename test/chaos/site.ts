/** The place of a run: its directory, the processes started in it, and how all of them end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, type Clock, type Ids } from '../../src/ports/clock.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';

export interface Site {
  /** The project. */
  readonly root: string;
  /** Everything that the run writes. */
  readonly dir: string;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Aborted by Ctrl-C, and when something failed: nothing new begins. */
  readonly signal: AbortSignal;
  say(line: string): void;
  /** Resolves after the time; rejects when the run is aborted. */
  pause(delayMs: number): Promise<void>;
  /** Resolves when the answer is not null; rejects when it did not come in time, naming what was waited for. */
  until<T>(what: string, limitMs: number, ask: () => T | null | Promise<T | null>): Promise<T>;
  /** Ends in reverse order of these calls. */
  onEnd(name: string, release: () => Promise<void>): void;
  end(keep: boolean): Promise<void>;
}

export class NotInTime extends Error {
  readonly code = 'not_in_time';
}

export async function createSite(root: string, signal: AbortSignal, say: (line: string) => void): Promise<Site> {
  const dir = await mkdtemp(join(tmpdir(), 'ravenhelm-chaos-'));
  const clock = createSystemClock();
  const releases: { readonly name: string; readonly release: () => Promise<void> }[] = [];
  const reaper = await startReaper(root, dir);

  const wait = (delayMs: number) => pause(clock, delayMs, signal);

  return {
    root,
    dir,
    clock,
    ids: createSystemIds(),
    signal,
    say,
    pause: wait,
    async until(what, limitMs, ask) {
      const deadline = clock.monotonicMs() + limitMs;
      for (;;) {
        const answer = await ask();
        if (answer !== null) return answer;
        if (clock.monotonicMs() > deadline) throw new NotInTime(`${what}: not within ${Math.round(limitMs / 1000)} s`);
        await wait(100);
      }
    },
    onEnd: (name, release) => void releases.push({ name, release }),
    async end(keep) {
      for (const { name, release } of releases.reverse()) {
        await release().catch((error: unknown) => say(`could not end ${name}: ${String(error)}`));
      }
      reaper.stdin.end(keep ? 'keep\n' : 'remove\n');
      reaper.ref();
      await once(reaper, 'exit');
    },
  };
}

/**
 * Ends whatever is left of this run, and removes its directory, when this process ends however it ends: the reaper
 * notices that its standard input closed.
 */
async function startReaper(root: string, dir: string) {
  const reaper = spawn(process.execPath, [join(root, 'test/chaos/reaper.mjs'), dir], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await once(reaper, 'spawn');
  reaper.unref();
  return reaper;
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen({ port: 0, host: '127.0.0.1' }));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export async function directory(...parts: readonly string[]): Promise<string> {
  const path = join(...parts);
  await mkdir(path, { recursive: true });
  return path;
}
