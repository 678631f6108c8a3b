import type { NetworkConnection } from '../../../src/domain/network.js';
import { createConnectionLog, MOST_SINGLE } from '../../../src/tools/network/connection-log.js';

test('connections that are added up keep the host, an IPv6 address too', () => {
  const recorded: NetworkConnection[] = [];
  const log = createConnectionLog(new Set(['[2606:4700::1]:443']), (connection) => recorded.push(connection));
  const numbers = { bytesSent: 1, bytesReceived: 2, durationMs: 3 };
  const ended = { host: '2606:4700::1', port: 443, address: '2606:4700::1', outcome: 'ended', reason: null } as const;
  for (let index = 0; index < MOST_SINGLE + 2; index += 1) log.add({ ...ended, ...numbers });
  log.close();
  expect(recorded).toHaveLength(MOST_SINGLE + 1);
  expect(recorded.at(-1)).toEqual({ ...ended, bytesSent: 2, bytesReceived: 4, durationMs: 6, count: 2 });
});
