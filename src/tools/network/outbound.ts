/** Connections from the worker to the hosts that an agent may reach, and to no others. */
import { lookup as lookupName } from 'node:dns/promises';
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { createDeferred, orAborted } from '../../domain/deferred.js';
import { hostAndPort, type NetworkConnection, type NetworkHost } from '../../domain/network.js';
import type { Clock, Timer } from '../../ports/clock.js';
import { codeOf } from '../system-errors.js';
import { addressProblem, ownAddresses } from './addresses.js';
import type { ConnectionLog } from './connection-log.js';

/** All addresses of a name. Rejects if it has none. */
export type LookupAddresses = (host: string) => Promise<readonly string[]>;

export interface NetworkTimings {
  /** For the name and the connection together. */
  readonly connectMs: number;
  /** A connection without a byte in either direction is closed. */
  readonly idleMs: number;
  /** For the head of a request, and for what a client says first. */
  readonly headMs: number;
}

export const NETWORK_TIMINGS: NetworkTimings = { connectMs: 15_000, idleMs: 600_000, headMs: 20_000 };

/** The most connections of one call at the same time. */
const MOST_CONNECTIONS = 256;

/** A connection that is not made; the message is for the program in the sandbox. */
export class NotConnected extends Error {
  readonly code = 'not_connected';
  readonly retriable: boolean;

  constructor(
    readonly outcome: 'refused' | 'failed',
    /** For the record. */
    readonly reason: string,
    message: string,
  ) {
    super(message);
    this.name = 'NotConnected';
    this.retriable = outcome === 'failed';
  }
}

export interface OutboundOptions {
  readonly hosts: readonly NetworkHost[];
  readonly log: ConnectionLog;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly timings: NetworkTimings;
  readonly lookup?: LookupAddresses;
}

export interface Outbound {
  /**
   * Connects to a host of the list. Its end is recorded, and so is a connection that is not made: that rejects with
   * NotConnected.
   */
  open(host: string, port: number): Promise<Socket>;
  /** Closes all connections; no more are made. Resolves when each is recorded. */
  close(): Promise<void>;
}

const lookupAll: LookupAddresses = async (host) =>
  (await lookupName(host, { all: true })).map(({ address }) => address);

export function createOutbound(options: OutboundOptions): Outbound {
  const { timings, clock, log } = options;
  const connected = connecting(options);
  const closing = new AbortController();
  const sockets = new Set<Socket>();
  /** Of each connection, until it is recorded. */
  const recorded = new Set<Promise<void>>();

  /** Records the end of a connection, or that none was made (socket: null). */
  function recorder(host: string, port: number) {
    const done = createDeferred<void>();
    recorded.add(done.promise);
    const beganMs = clock.monotonicMs();
    return (socket: Socket | null, end: Pick<NetworkConnection, 'outcome' | 'reason' | 'address'>) => {
      const bytes = { bytesSent: socket?.bytesWritten ?? 0, bytesReceived: socket?.bytesRead ?? 0 };
      log.add({ host, port, ...end, ...bytes, durationMs: Math.round(clock.monotonicMs() - beganMs) });
      recorded.delete(done.promise);
      done.resolve();
    };
  }

  return {
    async open(host, port) {
      const record = recorder(host, port);
      try {
        const socket = await connected(host, port, recorded.size, closing.signal);
        const address = socket.remoteAddress ?? null;
        closeWhenIdle(clock, socket, timings.idleMs);
        sockets.add(socket);
        socket.once('close', () => {
          sockets.delete(socket);
          record(socket, { address, outcome: 'ended', reason: null });
        });
        if (closing.signal.aborted) socket.destroy();
        return socket;
      } catch (error) {
        const known = error instanceof NotConnected ? error : null;
        record(null, { address: null, outcome: known?.outcome ?? 'failed', reason: known?.reason ?? String(error) });
        throw error;
      }
    },
    async close() {
      closing.abort();
      for (const socket of sockets) socket.destroy();
      await Promise.all(recorded);
    },
  };
}

/** Connects to a host of the list, within the time for it. Rejects with NotConnected. */
function connecting({ hosts, timings, clock, lookup = lookupAll }: OutboundOptions) {
  const own = ownAddresses();
  const resolve = sharingLookups(lookup);
  return async (host: string, port: number, atOnce: number, ended: AbortSignal): Promise<Socket> => {
    if (ended.aborted) throw new NotConnected('refused', 'the call has ended', 'The call has ended.');
    const entry = hosts.find((one) => one.host === host && one.port === port);
    if (entry === undefined) throw notListed(hosts);
    if (atOnce > MOST_CONNECTIONS)
      throw new NotConnected(
        'refused',
        `more than ${MOST_CONNECTIONS} connections at once`,
        `A call may have ${MOST_CONNECTIONS} connections at the same time.`,
      );
    const late = new AbortController();
    const timer = clock.setTimer(timings.connectMs, () => late.abort());
    try {
      const signal = AbortSignal.any([ended, late.signal]);
      return await connectTo(entry, await resolve(entry, own, signal), signal);
    } finally {
      timer.cancel();
    }
  };
}

/** Closes a socket on which nothing has come or gone for so long, at the latest when it has been twice as long. */
function closeWhenIdle(clock: Pick<Clock, 'setTimer'>, socket: Socket, idleMs: number): void {
  let seen = -1;
  let timer: Timer | null = null;
  const look = () => {
    const bytes = socket.bytesRead + socket.bytesWritten;
    if (bytes === seen) socket.destroy();
    else timer = clock.setTimer(idleMs, look);
    seen = bytes;
  };
  look();
  socket.once('close', () => timer?.cancel());
}

function notListed(hosts: readonly NetworkHost[]): NotConnected {
  const named = hosts.map(hostAndPort).join(', ');
  return new NotConnected(
    'refused',
    "not in the agent's network",
    `This agent may not reach that host and port. It may reach: ${named}.`,
  );
}

/**
 * The addresses that an entry may be connected to. Rejects with NotConnected. One lookup of a name at a time: lookups
 * share few threads with all file operations of this process.
 */
function sharingLookups(lookup: LookupAddresses) {
  const running = new Map<string, Promise<readonly string[]>>();

  function addressesOf(host: string): Promise<readonly string[]> {
    if (isIP(host) !== 0) return Promise.resolve([host]);
    const known = running.get(host);
    if (known !== undefined) return known;
    const begun = lookup(host).finally(() => running.delete(host));
    running.set(host, begun);
    return begun;
  }

  return async (entry: NetworkHost, own: readonly string[], signal: AbortSignal): Promise<readonly string[]> => {
    const found = await orAborted(addressesOf(entry.host), signal).catch((error: unknown) => {
      throw new NotConnected(
        'failed',
        `lookup: ${codeOf(error) || 'ETIMEDOUT'}`,
        'The name of the host cannot be resolved.',
      );
    });
    const allowed = found.filter((address) => addressProblem(entry, address, own) === null);
    if (allowed.length > 0) return allowed;
    const kinds = new Set(found.map((address) => addressProblem(entry, address, own)));
    const why = `its name leads to an address that is ${[...kinds].join(' or ')}: ${found.slice(0, 4).join(', ')}`;
    throw new NotConnected(
      'refused',
      why,
      "The name of the host leads to an address that is not public, and the agent's file does not name that address.",
    );
  };
}

const unreached = (reason: string): string => `The host cannot be reached: ${reason}.`;

/**
 * Connects to one of the addresses that were checked. The name is not resolved again: another answer could lead
 * somewhere else (DNS rebinding).
 */
function connectTo(entry: NetworkHost, addresses: readonly string[], signal: AbortSignal): Promise<Socket> {
  const checked = addresses.map((address) => ({ address, family: isIP(address) }));
  const [first] = checked;
  const lookup: LookupFunction = (_host, { all }, answer) => {
    if (all === true) answer(null, [...checked]);
    else answer(null, first?.address ?? '', first?.family ?? 0);
  };
  if (signal.aborted) return Promise.reject(new NotConnected('failed', 'ETIMEDOUT', unreached('ETIMEDOUT')));
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: entry.host,
      port: entry.port,
      lookup,
      allowHalfOpen: true,
      noDelay: true,
      autoSelectFamily: true,
    });
    const fail = (reason: string) => {
      // The signal lives as long as the call, and a program may make thousands of connections.
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(new NotConnected('failed', reason, unreached(reason)));
    };
    const onAbort = () => fail('ETIMEDOUT');
    signal.addEventListener('abort', onAbort, { once: true });
    // Later errors are those of the connection; its close is what counts.
    socket.on('error', (error) => fail(codeOf(error) || error.message));
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
  });
}
