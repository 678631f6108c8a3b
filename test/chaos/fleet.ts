/** The swarm's processes: the built command line, started, watched and restarted as a supervisor would. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listenToMember } from './member-words.js';
import { directory, type Site } from './site.js';

export type RoleName = 'orchestrator' | 'worker';

/** One process of the swarm; started again by itself when it ends unasked. */
export interface Member {
  /** Such as worker-2. */
  readonly name: string;
  readonly role: RoleName;
  pid(): number;
  /** SIGKILL, and a new process. Resolves when the old one is gone. */
  crash(): Promise<void>;
  /** SIGSTOP. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** SIGTERM, and no new process. Resolves with the exit code. */
  end(): Promise<number | null>;
  /** SIGKILL, and no new process. */
  destroy(): Promise<void>;
  /** Starts it again after end or destroy. */
  begin(): void;
  /** Shifts its wall clock. */
  shiftClock(byMs: number): Promise<void>;
  /** Resolves when this process serves. */
  serving(): Promise<void>;
  /** Everything that its processes wrote on stderr, one after the other. */
  log(): string;
  /** Exit codes of processes that ended unasked. */
  readonly unasked: readonly (number | null)[];
  /**
   * What they said that only a person can help (`ravenhelm recover`); of a member that is not restarted nothing is
   * kept.
   */
  readonly gaveUp: readonly string[];
}

export interface MemberOptions {
  readonly name: string;
  readonly role: RoleName;
  /** Worker: the agents that it serves. */
  readonly agents?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** false: it stays down when it ends by itself. */
  readonly restarts?: boolean;
}

export interface Fleet extends FleetOptions {
  readonly members: readonly Member[];
  of(role: RoleName): readonly Member[];
  /** Starts one more process. */
  add(options: MemberOptions): Promise<Member>;
  /** The member whose process wrote under this owner or process id. */
  ownerOf(owner: string): Member | null;
}

export interface FleetOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly agentsDir: string;
}

/** As an ordinary supervisor: at once, but not in a loop at full speed. */
const RESTART_PAUSE_MS = 1_000;
/** For a busy computer; the wait ends as soon as the condition holds. */
export const SERVING_LIMIT_MS = 600_000;

export async function createFleet(site: Site, options: FleetOptions): Promise<Fleet> {
  const logs = await directory(site.dir, 'logs');
  const members: Member[] = [];
  return {
    ...options,
    members,
    of: (role) => members.filter((member) => member.role === role && member.pid() > 0),
    ownerOf: (owner) => members.find((member) => owner.includes(`-${member.pid()}-`)) ?? null,
    async add(wanted) {
      const member = await createMember(site, options, logs, wanted);
      members.push(member);
      site.onEnd(member.name, () => member.destroy());
      member.begin();
      await member.serving();
      return member;
    },
  };
}

async function createMember(
  site: Site,
  { env, agentsDir }: FleetOptions,
  logs: string,
  { name, role, agents, env: ownEnv, restarts = true }: MemberOptions,
): Promise<Member> {
  const clockFile = join(site.dir, `${name}.clock`);
  await writeFile(clockFile, '0');
  const file = createWriteStream(join(logs, `${name}.log`), { flags: 'a' });
  const args = [
    '--import',
    join(site.root, 'test/chaos/shift-clock.mjs'),
    join(site.root, 'bin/ravenhelm.js'),
    '--role',
    role,
    '--agents-dir',
    agentsDir,
    ...(agents === undefined ? [] : ['--agents', agents.join(',')]),
  ];
  const unasked: (number | null)[] = [];
  const gaveUp: string[] = [];
  let child: ChildProcess | null = null;
  let wanted = false;
  let served = false;
  let text = '';

  const begin = (): void => {
    if (child !== null || site.signal.aborted) return;
    wanted = true;
    served = false;
    const beganAt = text.length;
    const started = spawn(process.execPath, args, {
      cwd: site.dir,
      env: { ...env, ...ownEnv, CHAOS_CLOCK_FILE: clockFile },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    started.stderr.setEncoding('utf8');
    started.stderr.on('data', (said: string) => {
      text += said;
      file.write(said);
    });
    listenToMember(started.stderr, {
      serving: () => void (served ||= child === started),
      setApart: (line) => void (restarts && gaveUp.push(line)),
    });
    started.once('exit', (code, signal) => {
      if (child !== started) return;
      child = null;
      file.write(`-- ended: ${signal ?? code}\n`);
      if (!wanted) return;
      unasked.push(code);
      const words = lastWords(text.slice(beganAt));
      site.say(`${name} ended by itself with ${signal ?? code}: ${words}`);
      if (restarts && words.includes('ravenhelm recover')) gaveUp.push(words);
      if (restarts) site.clock.setTimer(RESTART_PAUSE_MS, () => wanted && begin());
      else wanted = false;
    });
  };
  const endBy = async (signal: NodeJS.Signals): Promise<number | null> => {
    wanted = false;
    const ending = child;
    if (ending === null) return null;
    const ended = once(ending, 'exit');
    ending.kill('SIGCONT'); // a frozen process takes no SIGTERM
    ending.kill(signal);
    await ended;
    return ending.exitCode;
  };

  return {
    name,
    role,
    unasked,
    gaveUp,
    begin,
    pid: () => child?.pid ?? 0,
    log: () => text,
    async crash() {
      await endBy('SIGKILL');
      begin();
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    end: () => endBy('SIGTERM'),
    destroy: async () => void (await endBy('SIGKILL')),
    shiftClock: (byMs) => writeFile(clockFile, String(byMs)),
    serving: () => site.until(`${name} serves`, SERVING_LIMIT_MS, () => (served ? true : null)).then(() => undefined),
  };
}

/** Why a process ended, as it told its user; else the last that it wrote. */
function lastWords(text: string): string {
  return [...text.matchAll(/^error: .*$/gm)].at(-1)?.[0] ?? text.trimEnd().split('\n').at(-1) ?? '';
}
