/** The hosts that the words of a command name. */
import { UNKNOWN } from '../acts.js';

const CLIENTS: ReadonlySet<string> = new Set(
  'curl wget nc ncat netcat telnet ssh scp sftp ftp ping dig host nslookup'.split(' '),
);

// It looks back from :// for the scheme: looking for :// behind each letter would take quadratic time.
const URL = /:\/\/(?<=[a-z][a-z0-9+.-]*:\/\/)(?:[^/\s@?#]*@)?(\[[0-9a-f:.]+\]|[^/:\s?#'"]+)/gi;
/** What clients take without a scheme or with one slash: user@host:port/path, an address as one number, {a,b}. */
const PLAIN = new RegExp(
  [
    /^(?:[a-z][a-z0-9+.-]*:[/\\]*)?(?:[^\s/?#\\]*@)?/,
    /(\[[0-9a-f:.%]+\]|[\w{}[\],-]+(?:\.[\w{}[\],-]+)+|localhost|0x[0-9a-f]+|\d{8,})/,
    /\.?(?::\d*)?(?:[/?#\\].*)?$/,
  ]
    .map(({ source }) => source)
    .join(''),
  'is',
);

/**
 * In lower case, each once. Words that are no URL count as hosts only behind the name of a network client; what is
 * known of one only at run time is UNKNOWN.
 */
export function hostsOf(words: readonly string[]): readonly string[] {
  const [program = '', ...args] = words;
  const name = program.slice(program.lastIndexOf('/') + 1);
  const isClient = CLIENTS.has(name);
  const found = new Set<string>();
  for (const [at, word] of args.entries()) {
    for (const url of word.matchAll(URL)) found.add(bare(url[1] ?? ''));
    const remote = /^[\w.-]+@([\w.-]+)(?::|$)/.exec(word);
    if (remote !== null) found.add(bare(remote[1] ?? ''));
    if (!isClient || (name === 'curl' && isValueOfCurl(args[at - 1] ?? ''))) continue;
    for (const one of [word, ...valueIn(word)]) {
      const plain = PLAIN.exec(one);
      if (plain !== null) found.add(bare(plain[1] ?? ''));
      if (isUnknownHost(one)) found.add(UNKNOWN);
    }
  }
  // Other programs print addresses more often than they connect to them.
  return [...found].filter((host) => isClient || !host.includes(UNKNOWN));
}

/** Of --url=x and -xproxy. */
function valueIn(word: string): readonly string[] {
  const [, long, short] = /^(?:--[\w-]+=(.*)|-[a-zA-Z](.+))$/s.exec(word) ?? [];
  return [long, short].filter((value) => value !== undefined);
}

const isUnknownHost = (word: string): boolean => /^(?:[a-z][a-z0-9+.-]*:\/*)?[^\s/?#-]*\uFFFC/i.test(word);

/** Options of curl whose value is no address. */
const isValueOfCurl = (option: string): boolean =>
  /^-[a-zA-Z]*[odHuXAbTFwmeEKcCDrzyY]$/.test(option) ||
  /^--(?:output|data.*|json|header|user|request|form.*|write-out|max-time|cookie.*)$/.test(option);

const bare = (host: string): string => host.toLowerCase().replace(/^\[|\]$/g, '');
