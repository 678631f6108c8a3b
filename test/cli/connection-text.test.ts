import type { ConnectionReport } from '../../src/domain/attempt-report.js';
import { connectionText } from '../../src/cli/connection-text.js';

const ended: ConnectionReport = {
  host: 'registry.npmjs.org',
  port: 443,
  address: '104.16.1.34',
  outcome: 'ended',
  reason: null,
  bytes_sent: 1_200,
  bytes_received: 53_000,
  duration_ms: 300,
  connections: 1,
};
const refused = { ...ended, host: 'evil.example', address: null, outcome: 'refused', reason: 'not in it' } as const;

test.each([
  [ended, 'registry.npmjs.org:443 (104.16.1.34), 1200 bytes sent, 53000 received, 0.3 s'],
  [{ ...ended, host: '10.0.0.5', address: '10.0.0.5' }, '10.0.0.5:443, 1200 bytes sent, 53000 received, 0.3 s'],
  [
    { ...ended, connections: 20, address: null },
    '20 connections: registry.npmjs.org:443, 1200 bytes sent, 53000 received, 0.3 s',
  ],
  [refused, 'evil.example:443 refused: not in it'],
  [{ ...refused, host: '::1' }, '[::1]:443 refused: not in it'],
  [
    { ...refused, host: null, port: null, connections: 9 },
    '9 connections: hosts that it may not reach refused: not in it',
  ],
])('a connection is one line: %j', (connection, line) => {
  expect(connectionText(connection)).toBe(line);
});
