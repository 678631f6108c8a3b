import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * Redpanda by testcontainers where a Docker engine answers, else the Java stack, else none. choosePorts(count) tells
 * which ports to try; it is asked again for each attempt.
 */
export async function startTestBroker({ choosePorts = freePorts } = {}) {
  const { chooseStack, developmentPlace } = await builtStack();
  const choice = await chooseStack(developmentPlace(root), process.env);
  if (choice.kind === 'none') return choice;
  return choice.kind === 'docker' ? onPorts(1, startContainer, choosePorts) : onPorts(3, startJavaStack, choosePorts);
}

const PORT_ATTEMPTS = 5;

/** Between the choice of a port and its use another process may take it: then it is tried with others. */
async function onPorts(count, start, choosePorts) {
  for (let attempt = 1; ; attempt += 1) {
    const ports = await choosePorts(count);
    try {
      return await start(ports);
    } catch (error) {
      if (!isPortTaken(error) || attempt === PORT_ATTEMPTS) throw error;
      process.stderr.write(`The broker's ports ${ports.join(', ')} are no longer free; trying others.\n`);
    }
  }
}

function isPortTaken(error) {
  // Codes of a StackError; else Docker's words.
  if (['ports_taken', 'foreign_stack'].includes(error.code)) return true;
  return /port is already allocated|address already in use/i.test(error.message);
}

/** The stack's own code, as built: what the tests start is what users start. */
async function builtStack() {
  const dist = new URL('../../dist/local/', import.meta.url);
  if (!existsSync(new URL('local-stack.js', dist)))
    throw new Error('dist/ is not built: run npm run setup (or npm run build) first.');
  const [choose, stack, place, ask] = await Promise.all(
    ['choose-stack.js', 'local-stack.js', 'stack-place.js', '../kafka/ask-broker.js'].map(
      (name) => import(new URL(name, dist).href),
    ),
  );
  return { ...choose, ...stack, ...place, ...ask };
}

/** Nothing of it meets the developer's stack: free ports, data in a temporary directory. */
async function startJavaStack([broker, controller, registry]) {
  const { createLocalStack, developmentPlace, askBroker } = await builtStack();
  const dataDir = await mkdtemp(join(tmpdir(), 'ravenhelm-test-'));
  const place = { ...developmentPlace(root), dataDir, ports: { broker, controller, registry } };
  const reaper = await startReaper(place);
  const stack = createLocalStack(place, { env: process.env, clock: systemClock, ids: { uuid: randomUUID }, askBroker });
  const stop = async () => {
    reaper.ref(); // else node may end before it
    reaper.stdin.end();
    await once(reaper, 'exit');
  };
  try {
    const { brokers, registryUrl } = await stack.up({ progress: () => {} });
    return { kind: 'java', brokers, registryUrl, stop };
  } catch (error) {
    await stop(); // removes the directory
    throw error;
  }
}

/**
 * Ends the stack when this process ends, however it ends (Ctrl-C, SIGKILL): the reaper notices that its standard
 * input closed. Without it a stopped test run would leave two JVMs behind.
 */
async function startReaper(place) {
  const reaper = spawn(process.execPath, [join(root, 'test/support/reaper.mjs'), JSON.stringify(place)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  await once(reaper, 'spawn');
  reaper.unref();
  reaper.stdin.unref();
  return reaper;
}

async function startContainer(ports) {
  const { startRedpanda } = await import('./redpanda-container.mjs');
  return startRedpanda(ports);
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen({ port: 0, host: '127.0.0.1' }));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export const systemClock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(() => callback(), delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
