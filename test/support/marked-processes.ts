import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** A file of a process in /proc; empty when the process ended meanwhile. */
export function procFile(pid: string | number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

/** Ids of processes whose command line contains the mark. */
export function alive(mark: string): string[] {
  const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  return others.filter(
    (pid) => procFile(pid, 'cmdline').includes(mark) && !/^State:\tZ/m.test(procFile(pid, 'status')),
  );
}

/** A number of seconds to sleep, some days, that no other process has. */
export const newMark = (): string => `86${process.pid}.${randomInt(10 ** 11, 10 ** 12)}`;
/**
 * Sleepers that survive a kill of only the child or its group: forked, twice forked, in new sessions, ignoring signals.
 */
export const sleepers = (mark: string): string =>
  `sleep ${mark} & (setsid sleep ${mark} &) ; (setsid sh -c '(sleep ${mark} &) ; sleep ${mark}' >/dev/null 2>&1 ` +
  `&); trap '' TERM INT HUP`;
