import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { platform } from 'node:os';

import { loadExeca } from './load-execa.js';
import { commandLine } from './os-process.js';

/** The process that listens on a port; command is empty if it cannot be read. */
export interface PortHolder {
  readonly pid: number;
  readonly command: string;
}

/**
 * Whether a port that a stack needs is in use. It tries to connect and to bind: on some systems a listener on all
 * addresses does not prevent a bind to the loopback address, and a bound port may not accept connections.
 */
export async function isPortTaken(port: number): Promise<boolean> {
  return (await accepts(port)) || !(await canListen(port));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false)); // refused: no process listens
    socket.once('close', () => resolve(false));
    socket.setTimeout(1_000, () => socket.destroy());
    socket.once('connect', () => socket.destroy());
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false)); // in use or forbidden: the stack cannot use it
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** null if no process listens, or the process belongs to another user and the system does not tell. */
export async function findPortHolder(port: number): Promise<PortHolder | null> {
  const pid = platform() === 'linux' ? await listenerByProc(port) : await listenerByLsof(port);
  return pid === null ? null : { pid, command: (await commandLine(pid)) ?? '' };
}

async function listenerByProc(port: number): Promise<number | null> {
  const inodes = new Set([
    ...(await listeningInodes('/proc/net/tcp', port)),
    ...(await listeningInodes('/proc/net/tcp6', port)),
  ]);
  if (inodes.size === 0) return null;
  for (const entry of await readdir('/proc')) {
    if (/^\d+$/.test(entry) && (await holdsSocket(entry, inodes))) return Number(entry);
  }
  return null;
}

const LISTEN = '0A';

/** Columns of /proc/net/tcp: sl, local_address (hex address:port), rem_address, st, …, the tenth is the inode. */
async function listeningInodes(table: string, port: number): Promise<readonly string[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const text = await readFile(table, 'utf8').catch(() => ''); // no IPv6 on this machine
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(suffix) === true && columns[3] === LISTEN)
    .flatMap((columns) => columns[9] ?? []);
}

async function holdsSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []); // ended, or another user's
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => ''); // closed since
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined && inodes.has(inode)) return true;
  }
  return false;
}

async function listenerByLsof(port: number): Promise<number | null> {
  const execa = await loadExeca();
  const { stdout } = await execa('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fp'], { reject: false });
  const pid = /^p(\d+)$/m.exec(stdout ?? '')?.[1];
  return pid === undefined ? null : Number(pid);
}
