import { once } from 'node:events';
import { createServer } from 'node:http';
import { openRegistrySubjects } from '../../src/avro/registry-subjects.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { portOf } from '../local/stack-fixture.js';

const STATUSES: Readonly<Record<string, number>> = {
  'ravenhelm.TaskAssigned': 200,
  'ravenhelm.TaskFailed': 404,
  'ravenhelm.Heartbeat': 403,
};

test('only subjects of this build are found; one that is gone is removed; a refusal names what was asked', async () => {
  const asked: string[] = [];
  const server = createServer(({ method, url = '' }, response) => {
    asked.push(`${method} ${url}`);
    const status = method === 'DELETE' ? (STATUSES[url.replace('/subjects/', '')] ?? 500) : 200;
    const body = status === 200 ? [...Object.keys(STATUSES), 'shop.OrderPlaced'] : { error_code: 1, message: 'no' };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `http://127.0.0.1:${portOf(server)}`;
    const options = { url, clock: createSystemClock(), random: () => 0 };
    const subjects = await openRegistrySubjects('schemas', options);
    expect(await subjects.find()).toEqual(Object.keys(STATUSES).sort());
    const removed: string[] = [];
    const removing = subjects.remove(Object.keys(STATUSES), (name) => removed.push(name));
    await expect(removing).rejects.toMatchObject({
      code: 'registry_refused',
      message: expect.stringContaining('to remove the subject ravenhelm.Heartbeat'),
    });
    expect(removed).toEqual(['ravenhelm.TaskAssigned', 'ravenhelm.TaskFailed']);
    expect(asked).not.toContain('DELETE /subjects/shop.OrderPlaced');
  } finally {
    server.close();
  }
});

test('an answer that breaks off is a registry that does not answer, not an internal error', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('[', () => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const options = { url: `http://127.0.0.1:${portOf(server)}`, clock: createSystemClock(), random: () => 0 };
    const finding = openRegistrySubjects('schemas', options).then((subjects) => subjects.find());
    await expect(finding).rejects.toMatchObject({ code: 'registry_unreachable' });
  } finally {
    server.close();
  }
});
