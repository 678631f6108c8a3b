import { join, resolve } from 'node:path';

/**
 * The built program and its arguments, as another user where one is given, which only root can. That user gets the
 * clone at an empty directory that it can enter, whatever is above the clone: a mount that ends with the program.
 * @param hidden a file, such as a program, that is not there for it; only root can hide one
 */
export function programAs(
  user: number | null,
  emptyDirectory: string,
  args: readonly string[],
  hidden: string | null = null,
): readonly [string, ...string[]] {
  const clone = user === null ? resolve('.') : emptyDirectory;
  const program = [process.execPath, join(clone, 'bin/ravenhelm.js'), ...args] as const;
  if (user === null && hidden === null) return program;
  const ids = ['--reuid', String(user), '--regid', String(user), '--clear-groups'];
  const mounts = [
    ...(user === null ? [] : ['mount --bind "$1" "$2"']),
    ...(hidden === null ? [] : ['mount --bind /dev/null "$3"']),
  ];
  const started = user === null ? [...program] : ['setpriv', ...ids, ...program];
  const script = `${mounts.join(' && ')} && shift 3 && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', resolve('.'), emptyDirectory, hidden ?? '', ...started];
}
