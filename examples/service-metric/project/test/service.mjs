// The service on a free port of loopback, for one test.
import { once } from 'node:events';
import { createService } from '../src/server.mjs';
import { createStock } from '../src/stock.mjs';

export async function withService(use) {
  const server = createService(createStock({ bolt: 10, nut: 2 })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${server.address().port}`;
  try {
    await use({
      take: (item, count) => fetch(`${url}/take/${item}?count=${count}`, { method: 'POST' }),
      metrics: async () => (await fetch(`${url}/metrics`)).text(),
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
