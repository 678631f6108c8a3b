import { readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { loadExeca } from './load-execa.js';

/**
 * The command line of a process, its arguments joined by single spaces; null if there is no such process, it is a
 * zombie, or it cannot be read.
 */
export async function commandLine(pid: number): Promise<string | null> {
  if (platform() !== 'linux') return commandLineByPs(pid);
  try {
    const words = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    return words === '' ? null : words.split('\0').join(' ').trimEnd();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function commandLineByPs(pid: number): Promise<string | null> {
  const execa = await loadExeca();
  const { stdout, exitCode } = await execa('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { reject: false });
  return exitCode === 0 && stdout.trim() !== '' ? stdout.trim() : null;
}

/** Sends a signal; false if there is no such process. Throws if this user may not signal it. */
export function signalProcess(pid: number, signal: 'SIGTERM' | 'SIGKILL'): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Whether an error of Node says that the file or process does not exist (any more). */
export function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH');
}

/** Compares the property, not the class, because errors of Node may come from another realm. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
