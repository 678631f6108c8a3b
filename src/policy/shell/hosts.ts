/** The hosts that the words of a command name. */

const CLIENTS: ReadonlySet<string> = new Set(
  'curl wget nc ncat netcat telnet ssh scp sftp ftp ping dig host nslookup'.split(' '),
);

/** In lower case, each once. Words that are no URL count as hosts only behind the name of a network client. */
export function hostsOf(words: readonly string[]): readonly string[] {
  const [name = '', ...args] = words;
  const found = new Set<string>();
  for (const word of args) {
    for (const url of word.matchAll(/[a-z][a-z0-9+.-]*:\/\/(?:[^/\s@?#]*@)?(\[[0-9a-f:.]+\]|[^/:\s?#'"]+)/gi))
      found.add(bare(url[1] ?? ''));
    const remote = /^[\w.-]+@([\w.-]+)(?::|$)/.exec(word);
    if (remote !== null) found.add(bare(remote[1] ?? ''));
    if (CLIENTS.has(name.slice(name.lastIndexOf('/') + 1))) {
      const plain = /^(\[[0-9a-f:.]+\]|[\w-]+(?:\.[\w-]+)+|localhost)(?::\d+)?(?:\/.*)?$/i.exec(word);
      if (plain !== null) found.add(bare(plain[1] ?? ''));
    }
  }
  return [...found];
}

const bare = (host: string): string => host.toLowerCase().replace(/^\[|\]$/g, '');
