/** Plain words for the codes of the operating system's errors, such as ENOSPC; every message takes them from here. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'another process listens there',
  EADDRNOTAVAIL: 'this computer has no such address',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'a file with this name exists already',
  EISDIR: 'it is a directory',
  ELOOP: 'its links form a cycle',
  ENOENT: 'no such file or directory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a directory',
  ENOTFOUND: 'there is no such host',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
};

/** The words for a code; null for a code that has none. */
export function systemErrorWords(code: string): string | null {
  return WORDS[code] ?? null;
}

export function isOutOfSpace(code: string): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}
