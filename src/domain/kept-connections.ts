/** The network connections of an attempt's commands, as a reader of its journal keeps them. Pure. */
import type { PayloadOf } from './events.js';

type Connection = PayloadOf<'connection_ended'>;

/** The first ones of an attempt are kept each; later ones are added up, so that memory grows with the steps at most. */
export const MOST_CONNECTIONS = 1_000;

export interface KeptConnections {
  add(connection: Connection): void;
  /** In the order in which they came; sums take the place of their first one. */
  all(): readonly Connection[];
}

export function createKeptConnections(): KeptConnections {
  const singles: Connection[] = [];
  const sums = new Map<string, Connection>();
  return {
    add(connection) {
      if (singles.length < MOST_CONNECTIONS) {
        singles.push(connection);
        return;
      }
      const { step, outcome } = connection;
      // Hosts that an agent may reach are few; those that it may not can be as many as there are connections.
      const { host, port } = outcome === 'refused' ? { host: null, port: null } : connection;
      const key = JSON.stringify([step, outcome, host, port]);
      const sum = sums.get(key);
      sums.set(key, sum === undefined ? { ...connection, host, port } : sumOf(sum, connection));
    },
    all: () => [...singles, ...sums.values()],
  };
}

const sumOf = (sum: Connection, connection: Connection): Connection => ({
  ...sum,
  address: sum.address === connection.address ? sum.address : null,
  bytes_sent: sum.bytes_sent + connection.bytes_sent,
  bytes_received: sum.bytes_received + connection.bytes_received,
  duration_ms: sum.duration_ms + connection.duration_ms,
  connections: sum.connections + connection.connections,
});
