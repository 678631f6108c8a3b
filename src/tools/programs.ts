import { posix } from 'node:path';
import { LEFT_WORKSPACE } from './outcome.js';

/** What runs inside, without its last argument, which the launcher appends. */
export type Program = readonly string[];

/** Runs a shell command in a directory; the command is appended. The change of directory needs the account's rights. */
export function shellProgram(directory: string): Program {
  return ['/bin/sh', '-c', 'cd -- "$1" && unset OLDPWD && exec /bin/sh -c "$2"', 'sh', directory];
}

/**
 * Writes standard input to a file; the file's name is appended. It runs inside the sandbox, so that whatever links
 * appear meanwhile, nothing but the workspace can be written. Overwriting replaces the name: a link is not followed,
 * and readers see the old file or the new one.
 */
export function writeProgram(root: string, parts: readonly string[], mode: 'overwrite' | 'append'): Program {
  const directory = posix.join('.', ...parts.slice(0, -1));
  return ['/bin/sh', '-c', WRITE_SCRIPT, 'workspace_write', root, directory, mode];
}

const WRITE_SCRIPT = `
umask 022
cd -P -- "$1" && mkdir -p -- "./$2" && cd -P -- "./$2" || exit 1
refuse() { echo "$1" >&2; exit ${LEFT_WORKSPACE}; }
case $PWD/ in "$1"/*) ;; *) refuse "$2 leads out of the workspace" ;; esac
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
