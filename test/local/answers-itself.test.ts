import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { answersItself, type JavaService } from '../../src/local/java-service.js';
import { markerArguments } from '../../src/local/process-marker.js';
import { temporaryPlace } from './stack-fixture.js';

test.each([
  ['its own process', '', true],
  ['another clone’s', '/other', false],
])('an answer on the port of %s counts accordingly', async (_, suffix, counts) => {
  const place = await temporaryPlace();
  const port = place.ports.registry;
  const words = markerArguments({ ...place, dataDir: `${place.dataDir}${suffix}` }, 'registry');
  const script = `require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('listening'))`;
  const holder = spawn(process.execPath, ['-e', script, '--', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(holder.stdout, 'data');
    const service: JavaService = {
      name: 'registry',
      title: 'registry',
      ports: [port],
      javaArguments: [],
      prepare: async () => {},
      ask: async () => true,
    };
    expect(await answersItself(place, service)).toBe(counts);
  } finally {
    holder.kill('SIGKILL');
    await place.remove();
  }
});

test.each([
  ['what has answered has ended since', [true, null], false],
  ['the system does not tell who holds the port', [true, true], true],
] as const)('where no process listens on the port: %s', async (_, answers, counts) => {
  const place = await temporaryPlace();
  const left: (true | null)[] = [...answers];
  const service: JavaService = {
    name: 'registry',
    title: 'registry',
    ports: [place.ports.registry],
    javaArguments: [],
    prepare: async () => {},
    ask: async () => left.shift() ?? null,
  };
  expect(await answersItself(place, service)).toBe(counts);
  await place.remove();
});
