/** What an agent may reach on the network: `network:` of its file. Default: nothing. */

/** A host and port that an agent may reach. */
export interface NetworkHost {
  /** A name in lower case, an IPv4 address, or an IPv6 address without brackets in its short form (RFC 5952). */
  readonly host: string;
  readonly port: number;
  /**
   * Of a name: private and other special addresses that it may resolve to, each an address or a range such as
   * 10.0.0.0/8. Public addresses need not be named.
   */
  readonly addresses: readonly string[];
}

/** The most hosts of one agent. Each has a listener in the sandbox. */
export const MOST_NETWORK_HOSTS = 64;

/** host:port, an IPv6 address in brackets. */
export function hostAndPort({ host, port }: Pick<NetworkHost, 'host' | 'port'>): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A connection that an agent's command made or tried to make, or several of one kind. */
export interface NetworkConnection {
  /** As it was asked for; null: several hosts that the agent may not reach. */
  readonly host: string | null;
  readonly port: number | null;
  /** The address that was connected to; null: none was, or there were several. */
  readonly address: string | null;
  /** ended: it was connected, and is closed now. refused: by a rule of ours. failed: the host could not be reached. */
  readonly outcome: 'ended' | 'refused' | 'failed';
  /** Of one that is refused or failed. */
  readonly reason: string | null;
  /** From the sandbox to the host, and back. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly durationMs: number;
  /** 1, or the number of connections that are added up: the first ones of a call are recorded one by one. */
  readonly count: number;
}
