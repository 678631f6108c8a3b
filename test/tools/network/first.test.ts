import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHarness } from '../harness.js';
import type { NetworkConnection } from '../../../src/domain/network.js';

test('try', async () => {
  const server = createServer((_request, response) => response.end('hello\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const harness = await createHarness();
  const seen: NetworkConnection[] = [];
  const network = { hosts: [{ host: 'localhost', port, addresses: [] }, {host:'web.test', port: 80, addresses: []}, {host:'10.1.2.3', port: 80, addresses: []}, {host:'2001:db8::5', port: 80, addresses: []}], onConnection: (c: NetworkConnection) => seen.push(c) };
  const result = await harness.sh(`curl -sv http://localhost:${port}/; curl -sx $http_proxy http://localhost:${port}/; curl -s http://evil.test/; curl -s http://127.0.0.1:1/; curl -sm 3 http://10.1.2.3/; curl -sm 3 http://web.test/; cat /proc/net/tcp; cat /etc/hosts; ps ax`, { network });
  console.log(result.stdout, result.stderr, result.outcome, result.durationMs, seen);
  server.close();
});
