import '../harness.js';
import { removeTemporaryDirectories } from '../harness.js';
import { placeForUser, runAsUser } from '../as-user.js';
test('try', async () => {
  const place = placeForUser();
  console.log(await runAsUser(place, `
import { createServer } from 'node:http';
const server = createServer((request, response) => response.end('hello' + request.url));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();
const seen = [];
const network = { hosts: [{ host: 'localhost', port, addresses: [] },{host:'web.test', port: 80, addresses: []}, {host:'10.1.2.3', port: 80, addresses: []}, {host:'2001:db8::5', port: 80, addresses: []}], onConnection: (c) => seen.push(c) };
const r = await executor.run({ task, step: ++step, claimOffset: 1, timeLimitMs: 20000, tool: 'execute_terminal_command', arguments: { command: 'cat /proc/net/if_inet6; curl -s http://localhost:' + port + '/; curl -s http://evil.test/; ps ax; cat /proc/net/tcp /proc/net/tcp6; ls /tmp; id' }, network }, never);
console.log(JSON.parse(r.observation).stdout, JSON.parse(r.observation).stderr, r.outcome, seen, sandbox);
server.close();
process.exit(0);
`));
  removeTemporaryDirectories();
});
