import { join, resolve } from 'node:path';

/**
 * The built program and its arguments, as another user where one is given, which only root can. That user gets the
 * clone at an empty directory that it can enter, whatever is above the clone: a mount that ends with the program.
 */
export function programAs(
  user: number | null,
  emptyDirectory: string,
  args: readonly string[],
): readonly [string, ...string[]] {
  if (user === null) return [process.execPath, resolve('bin/ravenhelm.js'), ...args];
  const mounted = 'mount --bind "$1" "$2" && shift 2 && exec setpriv "$@"';
  const ids = ['--reuid', String(user), '--regid', String(user), '--clear-groups'];
  const program = [process.execPath, join(emptyDirectory, 'bin/ravenhelm.js'), ...args];
  return ['unshare', '--mount', 'sh', '-c', mounted, 'sh', resolve('.'), emptyDirectory, ...ids, ...program];
}
