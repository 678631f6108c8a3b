/** Records the connections of one call: the first ones each, the others added up. */
import { hostAndPort, type NetworkConnection } from '../../domain/network.js';

/** A program may open thousands of connections; each record is one of the log. */
export const MOST_SINGLE = 100;

/** Of a host's name (RFC 1035); a program may ask for a longer one. */
const LONGEST_NAME = 253;

export interface ConnectionLog {
  add(connection: Omit<NetworkConnection, 'count'>): void;
  /** Records the sums of those that were not recorded one by one. */
  close(): void;
}

/** @param hosts what the agent may reach, as host:port: the sums of others are one */
export function createConnectionLog(
  hosts: ReadonlySet<string>,
  record: (connection: NetworkConnection) => void,
): ConnectionLog {
  const sums = new Map<string, NetworkConnection>();
  let singles = 0;
  return {
    add(given) {
      const connection = { ...given, host: given.host?.slice(0, LONGEST_NAME) ?? null };
      singles += 1;
      if (singles <= MOST_SINGLE) {
        record({ ...connection, count: 1 });
        return;
      }
      const { host, port, outcome } = connection;
      const name = host === null || port === null ? '' : hostAndPort({ host, port });
      const key = `${outcome} ${hosts.has(name) ? name : ''}`;
      const sum = sums.get(key);
      sums.set(key, sum === undefined ? firstOf(connection, hosts.has(name)) : sumOf(sum, connection));
    },
    close() {
      for (const sum of sums.values()) record(sum);
      sums.clear();
    },
  };
}

function firstOf(connection: Omit<NetworkConnection, 'count'>, isKnown: boolean): NetworkConnection {
  return { ...connection, ...(isKnown ? {} : { host: null, port: null }), count: 1 };
}

function sumOf(sum: NetworkConnection, more: Omit<NetworkConnection, 'count'>): NetworkConnection {
  return {
    ...sum,
    address: sum.address === more.address ? sum.address : null,
    reason: sum.reason === more.reason ? sum.reason : 'for several reasons',
    bytesSent: sum.bytesSent + more.bytesSent,
    bytesReceived: sum.bytesReceived + more.bytesReceived,
    durationMs: sum.durationMs + more.durationMs,
    count: sum.count + 1,
  };
}
