/** A crowd of workers that joins and leaves again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PromiseBroken, type Fault } from '../fault.js';
import { SERVING_LIMIT_MS } from '../fleet.js';

/** Compiled beside this file. */
const PROGRAM = fileURLToPath(new URL('../crowd.js', import.meta.url));
const PROCESSES = 3;
const WORKERS_EACH = 20;

const crowd: Fault = {
  name: 'sixty-workers',
  what: '60 workers join the groups and leave again, while the others work',
  recovery: 'they are gone',
  takes: 'workers',
  async strike({ site, fleet }) {
    const hosts = Array.from({ length: PROCESSES }, (_, index) =>
      spawn(process.execPath, [PROGRAM, String(WORKERS_EACH), fleet.agentsDir, site.root], {
        cwd: site.dir,
        env: { ...fleet.env, CHAOS_HOST: String(index) },
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    );
    let said = '';
    let errors = '';
    for (const host of hosts) {
      host.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      host.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    }
    const ended = Promise.all(hosts.map(async (host) => (await once(host, 'exit'), host.exitCode)));
    try {
      await site.until('60 workers serve', SERVING_LIMIT_MS, () => {
        const [end] = /^ended .*$/m.exec(said) ?? [];
        if (end !== undefined)
          throw new PromiseBroken(`a worker ${end} by itself before all served: ${reasonIn(errors)}`);
        return said.split('serving\n').length - 1 >= PROCESSES * WORKERS_EACH ? true : null;
      });
      for (const host of hosts) host.stdin.end(); // they leave in order
      const codes = await ended;
      if (codes.some((code) => code !== 0))
        throw new PromiseBroken(
          `workers that only joined and left ended with ${codes.join(', ')}: ${errors.slice(-500)}`,
        );
    } finally {
      for (const host of hosts) if (host.exitCode === null) host.kill('SIGKILL');
    }
  },
};

/** The worst that the workers said. */
const reasonIn = (errors: string) => /internal error[^]{0,900}/.exec(errors)?.[0] ?? errors.slice(-900);

export const MEMBER_FAULTS: readonly Fault[] = [crowd];
