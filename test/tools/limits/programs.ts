/** Programs that exceed one limit each. */
import { arch, release } from 'node:os';
import { DEFAULT_LIMITS, type LimitName, type Limits } from '../../../src/domain/limits.js';

export interface Exceeding {
  readonly name: LimitName;
  /** What makes this one different, where a limit has several. */
  readonly how: string;
  readonly limits: Limits;
  readonly command: string;
  readonly timeLimitMs?: number;
  /** killed: all of its processes are ended. fails: it may end by itself, as one process sees an error or is ended. */
  readonly end: 'killed' | 'fails';
}

/** The call's number. */
const MEMFD_CREATE = arch() === 'arm64' ? 279 : 319;

const only = (limits: Partial<Limits>): Limits => ({ ...DEFAULT_LIMITS, ...limits });

/** Grows by 1 MiB every 5 ms, so that what is measured ten times a second sees it. */
const GROWS = `perl -e 'for (1 .. 2000) { push @all, "x" x 1048576; select undef, undef, undef, 0.005 }'`;
/** Writes to a file in memory, which is no memory of the process; at most 300 MiB. */
const HOLDS =
  `perl -e '$name = "held"; $n = syscall ${MEMFD_CREATE}, $name, 0; open $f, "+<&=", $n or die; ` +
  `for (1 .. 300) { syswrite $f, "x" x 1048576; select undef, undef, undef, 0.02 } sleep 3'`;
const WRITES = (kib: number) =>
  `perl -e 'for my $n (1 .. 4000) { open my $f, ">", "file-$n" or die; print {$f} "x" x (${kib} * 1024); ` +
  `close $f or die; select undef, undef, undef, 0.005 }'`;
const OPENS =
  `perl -e 'while (open my $f, "<", "/etc/passwd") { push @all, $f } print STDERR "$!\\n"; ` + `sleep 3; exit 1'`;

/** Linux 6.2 and newer say how many files a process has open. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const KNOWS_OPEN_FILES = major > 6 || (major === 6 && minor >= 2);

export const EXCEEDING: readonly Exceeding[] = [
  { name: 'wall_time', how: 'sleeps', limits: only({}), command: 'sleep 60', timeLimitMs: 500, end: 'killed' },
  {
    name: 'cpu_seconds',
    how: 'one process',
    limits: only({ cpu_seconds: 1 }),
    command: `perl -e '1 while 1'`,
    end: 'fails',
  },
  {
    name: 'cpu_seconds',
    how: 'several processes, each below it',
    limits: only({ cpu_seconds: 2 }),
    command: `for n in 1 2 3 4; do perl -e '1 while 1' & done; wait`,
    end: 'killed',
  },
  {
    name: 'cpu_seconds',
    how: 'short processes, for which none waits',
    limits: only({ cpu_seconds: 1 }),
    command:
      `perl -e '$SIG{CHLD} = "IGNORE"; ` +
      `while (1) { unless (fork) { do { @t = times } while $t[0] + $t[1] < 0.3; exit } select undef,undef,undef,0.5 }'`,
    timeLimitMs: 60_000,
    end: 'killed',
  },
  { name: 'memory', how: 'one process', limits: only({ memory_mb: 64 }), command: GROWS, end: 'fails' },
  {
    name: 'memory',
    how: 'several processes, each below it',
    limits: only({ memory_mb: 128 }),
    command: `for n in 1 2 3 4; do perl -e '$x = "x" x 50_000_000; sleep 60' & done; wait`,
    end: 'killed',
  },
  {
    name: 'memory',
    how: 'files in memory',
    limits: only({ memory_mb: 100 }),
    command: HOLDS,
    end: 'fails',
  },
  {
    name: 'processes',
    how: 'a fork bomb',
    limits: only({ processes: 40 }),
    command: `perl -e 'fork while 1'`,
    end: 'killed',
  },
  {
    name: 'processes',
    how: 'threads',
    limits: only({ processes: 24 }),
    command:
      `node -e 'const { Worker } = require("worker_threads"); ` +
      `for (let n = 0; n < 40; n += 1) try { new Worker("setInterval(() => {}, 1000)", { eval: true })` +
      `.on("error", () => {}) } catch { setInterval(() => {}, 9) }'`,
    end: 'killed',
  },
  ...(KNOWS_OPEN_FILES
    ? [
        {
          name: 'open_files',
          how: 'in one process',
          limits: only({ open_files: 64 }),
          command: OPENS,
          end: 'fails',
        } as const,
      ]
    : []),
  {
    name: 'file_size',
    how: 'in the workspace',
    limits: only({ file_mb: 1 }),
    command: 'head -c 3000000 /dev/zero > big',
    end: 'fails',
  },
  {
    name: 'tmp_size',
    how: 'a file',
    limits: only({ tmp_mb: 16 }),
    command: 'head -c 99000000 /dev/zero > /tmp/big',
    end: 'fails',
  },
  {
    name: 'shm_size',
    how: 'a file',
    limits: only({ shm_mb: 16 }),
    command: 'head -c 99000000 /dev/zero > /dev/shm/big',
    end: 'fails',
  },
  { name: 'output', how: 'stdout', limits: only({ output_mb: 1 }), command: 'head -c 3000000 /dev/zero', end: 'fails' },
  { name: 'workspace_size', how: 'files', limits: only({ workspace_mb: 8 }), command: WRITES(512), end: 'killed' },
  { name: 'workspace_files', how: 'files', limits: only({ workspace_files: 60 }), command: WRITES(1), end: 'killed' },
];
