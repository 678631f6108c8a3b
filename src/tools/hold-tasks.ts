/** Holds the locks of tasks from outside, so that no call of theirs begins. Node has no file locks. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CallRefused } from './errors.js';
import { LAUNCHER_PATH } from './launcher-process.js';

/** Says that it holds them, then waits for the end of its input; the process's end releases them. */
const HOLD = `
use Errno;
my @held;
for my $runs (@ARGV) {
  if (!opendir(my $list, $runs)) { next if $!{ENOENT}; die "cannot list $runs: $!\\n"; }
  else {
    for my $task (grep { !/^\\./ } readdir $list) {
      if (open(my $lock, '+<', "$runs/$task/lock")) {
        flock($lock, 2 | 4) or exit 72;
        push @held, $lock;
      }
      elsif (!$!{ENOENT} && !$!{ENOTDIR}) { die "cannot open the lock of $task: $!\\n"; }
    }
  }
}
$| = 1;
print "held\\n";
my $end = <STDIN>;`;
const BUSY = 72;

export interface HeldTasks {
  release(): Promise<void>;
}

/**
 * Takes the lock of each task that has run, without waiting. Rejects with CallRefused where a call runs.
 * @param runs directories of missions' runs; absolute
 */
export async function holdTasks(runs: readonly string[]): Promise<HeldTasks> {
  // One file stays open for each task of the missions.
  const raised = 'ulimit -n "$(ulimit -Hn)" 2> /dev/null; exec perl -e "$0" "$@"';
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
    throw new Error(`The locks of tasks in ${runs.join(', ')} cannot be taken: ${said.trim()}`);
  }
  return {
    async release() {
      child.stdin.end();
      await closed;
    },
  };
}
