// node checks/handshake.mjs ROOT.crt CHAIN.pem KEY NAME...: starts a TLS server on a free port of loopback with
// CHAIN.pem and KEY, and connects to it as each NAME with a client that trusts ROOT.crt only. Exit 0 when every name
// is accepted.
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';

const [root, chain, key, ...names] = process.argv.slice(2);
const server = createServer({ cert: readFileSync(chain), key: readFileSync(key) }, (socket) => socket.end());
const ca = readFileSync(root);
server.on('tlsClientError', () => undefined); // the client says why
server.listen(0, '127.0.0.1');
await once(server, 'listening');

for (const servername of names) {
  const socket = connect({ host: '127.0.0.1', port: server.address().port, servername, ca });
  try {
    await once(socket, 'secureConnect');
    console.log(`${servername}: accepted, ${socket.getProtocol()}`);
  } catch (error) {
    console.error(`FAILED ${servername}: ${error.code ?? ''} ${error.message}`);
    process.exitCode = 1;
  }
  socket.destroy();
}
server.close();
if (names.length === 0) throw new Error('no names: nothing was proven');
