/** Holds the locks of tasks from outside, so that no call of theirs begins. Node has no file locks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { getSystemErrorName } from 'node:util';
import { systemErrorWords } from '../domain/system-error.js';
import { CallRefused } from './errors.js';
import { LAUNCHER_PATH } from './launcher-process.js';

/**
 * Says that it holds them, then waits for the end of its input; the process's end releases them. A terminal's signals
 * reach it too, and do not end it: who holds the locks may still be at work.
 */
const HOLD = `
use Errno;
$SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
sub refuse { print STDERR $! + 0, " $_[0]\\n"; exit 73; }
my @held;
for my $runs (@ARGV) {
  if (!opendir(my $list, $runs)) { next if $!{ENOENT}; refuse($runs); }
  else {
    for my $task (grep { !/^\\./ } readdir $list) {
      if (open(my $lock, '+<', "$runs/$task/lock")) {
        if (!flock($lock, 2 | 4)) { exit 72 if $!{EWOULDBLOCK}; refuse("$runs/$task/lock"); }
        push @held, $lock;
      }
      elsif (!$!{ENOENT} && !$!{ENOTDIR}) { refuse("$runs/$task/lock"); }
    }
  }
}
$| = 1;
print "held\\n";
my $end = <STDIN>;`;
const BUSY = 72;

/** Not because something runs. */
export class LocksUnavailable extends Error {
  readonly code = 'locks_unavailable';
  readonly retriable = false;

  constructor(
    message: string,
    readonly nextStep: string,
  ) {
    super(message);
  }
}

export interface HeldTasks {
  release(): Promise<void>;
}

/**
 * Takes the lock of each task that has run, without waiting. Rejects with CallRefused where a call runs, and
 * with LocksUnavailable.
 * @param runs directories of missions' runs; absolute
 */
export async function holdTasks(runs: readonly string[]): Promise<HeldTasks> {
  // One file stays open for each task of the missions.
  const raised = 'trap "" INT TERM HUP; ulimit -n "$(ulimit -Hn)" 2> /dev/null; exec perl -e "$0" "$@"';
  const child = spawn('sh', ['-c', raised, HOLD, ...runs], {
    cwd: '/',
    env: { PATH: LAUNCHER_PATH },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.on('error', () => undefined); // it has ended
  const closed = once(child, 'close');
  closed.catch(() => undefined); // the race below has it
  const held = await Promise.race([once(child.stdout, 'data').then(() => true), closed.then(() => false)]);
  if (!held) {
    if (child.exitCode === BUSY) throw new CallRefused('a step of a task runs there');
    throw unavailable(said.trim(), runs);
  }
  return {
    async release() {
      child.stdin.end();
      await closed;
    },
  };
}

const CURES: Readonly<Record<string, string>> = {
  EACCES: 'Restore as the user of the workers.',
  EPERM: 'Restore as the user of the workers.',
  EROFS: 'Restore where the volume can be written.',
  EMFILE: 'Each task that has run there needs an open file: raise the limit (ulimit -Hn).',
  ENFILE: 'Each task that has run there needs an open file: raise the limit of the system (fs.file-max).',
  ENOLCK: 'Mount the volume so that its files can be locked (flock), as the workers need it too.',
};

function unavailable(said: string, runs: readonly string[]): LocksUnavailable {
  const [, errno, path] = /^(\d+) (.+)$/s.exec(said) ?? [];
  if (errno === undefined || path === undefined)
    return new LocksUnavailable(
      `the locks of tasks in ${runs.join(', ')} cannot be taken: ${said}`,
      `Perl takes them: it must run, and be in ${LAUNCHER_PATH}.`,
    );
  const code = getSystemErrorName(-Number(errno));
  return new LocksUnavailable(
    `the locks of tasks cannot be taken: ${path}: ${systemErrorWords(code) ?? code}`,
    CURES[code] ?? 'Put that right, and restore again.',
  );
}
