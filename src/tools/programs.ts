import { posix } from 'node:path';
import { RESERVED_NAMES } from './jail.js';
import { LEFT_WORKSPACE } from './outcome.js';

/** The argument vector that runs in the sandbox, without its last argument, which the launcher appends. */
export type Program = readonly string[];

/**
 * Limits the processes of this user namespace. It must be done inside: the kernel would compare a limit that is set
 * before with all processes of the worker's user. dash and busybox name it -p, bash -u (its -p is something else).
 * A lower limit that the worker itself has cannot be raised, and stays.
 */
const limitProcesses = (most: number): string =>
  `ulimit -p ${most} 2>/dev/null || ulimit -u ${most} 2>/dev/null || ` +
  `[ "$(ulimit -H -u 2>/dev/null || ulimit -H -p)" -le ${most} ] || exit 1; `;

/** Where the command's shell must stay: it is pid 1 of its sandbox, or the leader of its processes. */
export interface FirstShell {
  /** The most processes in this user namespace; null: they are limited elsewhere. */
  readonly processes: number | null;
}

/**
 * Runs a shell command, which is appended, in a directory. The cd runs inside, with the rights of the account.
 * @param first the command is the child of this shell, which exits with it. Where this shell is pid 1 of a sandbox, the
 * kernel then kills all other processes in the pid namespace. (bwrap's own pid 1 would wait for background processes.)
 * null: pid 1 is another shell, and the command replaces this one, which saves a process
 */
export function shellProgram(directory: string, first: FirstShell | null = { processes: null }): Program {
  const limit = first === null || first.processes === null ? '' : limitProcesses(first.processes);
  const run = first === null ? 'exec /bin/sh -c "$2"' : '/bin/sh -c "$2"; exit $?';
  return ['/bin/sh', '-c', `${limit}cd -- "$1" && unset OLDPWD && ${run}`, 'sh', directory];
}

/**
 * Writes standard input to a file, whose name is appended. It runs inside the sandbox, so that it can only write to the
 * workspace, even if links appear meanwhile. Overwriting renames a new file into place: a link is not followed, and
 * readers see either the old file or the new one.
 */
export function writeProgram(root: string, parts: readonly string[], mode: 'overwrite' | 'append'): Program {
  const directory = posix.join('.', ...parts.slice(0, -1));
  return ['/bin/sh', '-c', WRITE_SCRIPT, 'workspace_write', root, directory, mode];
}

/** A pattern of sh that matches a path with the name, in whatever case. */
const withName = (name: string): string =>
  `*/${name.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)}/*`;

/**
 * Links lead elsewhere than the call's path says: so each directory is looked at before it is made, and once it was
 * entered. What is refused leaves nothing.
 */
const WRITE_SCRIPT = `
umask 022
refuse() { echo "$1" >&2; exit ${LEFT_WORKSPACE}; }
require_inside() {
  case $2/ in "$1"/*) ;; *) refuse "$2 is out of the workspace" ;; esac
  case \${2#"$1"}/ in ${RESERVED_NAMES.map(withName).join('|')}) refuse "$2 is reserved" ;; esac
}
cd -P -- "$1" || exit 1
rest=$2/
while [ -n "$rest" ]; do
  part=\${rest%%/*}
  rest=\${rest#*/}
  require_inside "$1" "$PWD/$part"
  [ -d "./$part" ] || mkdir -p -- "./$part" || exit 1
  cd -P -- "./$part" || exit 1
  require_inside "$1" "$PWD"
done
require_inside "$1" "$PWD/$4"
file=./$4
[ ! -d "$file" ] || { echo "$4 is a directory" >&2; exit 1; }
if [ "$3" = append ]; then
  [ ! -L "$file" ] || refuse "$4 is a symbolic link"
  [ ! -e "$file" ] || [ -f "$file" ] || refuse "$4 is not a regular file"
  exec cat >>"$file"
fi
draft=./.ravenhelm-write-$$
trap 'rm -f "$draft"' EXIT
cat >"$draft" || exit 1
[ -L "$file" ] || [ ! -f "$file" ] || chmod --reference="$file" "$draft" || exit 1
mv -fT "$draft" "$file"
`;
