import type { ConnectionReport } from '../domain/attempt-report.js';
import { hostAndPort } from '../domain/network.js';
import { measuredDuration } from './durations.js';

/** One line, such as `registry.npmjs.org:443 (104.16.1.34), 1200 bytes sent, 53000 received, 0.3 s`. */
export function connectionText(connection: ConnectionReport): string {
  const { host, port, address, outcome, reason, connections } = connection;
  const where = host === null || port === null ? 'hosts that it may not reach' : hostAndPort({ host, port });
  const times = connections === 1 ? '' : `${connections} connections: `;
  const at = address === null || address === host ? '' : ` (${address})`;
  if (outcome !== 'ended') return `${times}${where} ${outcome}: ${reason ?? ''}`;
  const bytes = `${connection.bytes_sent} bytes sent, ${connection.bytes_received} received`;
  return `${times}${where}${at}, ${bytes}, ${measuredDuration(connection.duration_ms)}`;
}
