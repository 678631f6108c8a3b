// Asks for missions over HTTP, as a client of Restate does. argv: the server's port.
import { randomUUID } from 'node:crypto';

process.on('disconnect', () => process.exit());
process.on('message', async (shape) => {
  const response = await fetch(`http://127.0.0.1:${process.argv[2]}/orchestrator/mission`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: randomUUID(), ...shape }),
  });
  if (!response.ok) throw new Error(`Restate answered ${response.status}: ${await response.text()}`);
  await response.json();
  process.send('done');
});
process.send('ready');
