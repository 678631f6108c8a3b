import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { HttpAddress } from '../../src/telemetry/http-address.js';
import { HttpAddressUnusable, openHttpEndpoint } from '../../src/telemetry/http-endpoint.js';
import { createPrometheus } from '../../src/telemetry/prometheus.js';
import { createProcessVitals } from '../../src/telemetry/process-vitals.js';

const prometheus = () =>
  createPrometheus({
    version: '1.2.3',
    readings: () => [{ gauge: 'heldPartitions', labels: { topic: 'tasks.cert_agent' }, value: 3 }],
  });
const open = (address: HttpAddress, reasons: { live?: string[]; ready?: string[] } = {}, metrics = prometheus()) =>
  openHttpEndpoint({
    address,
    token: null,
    hosts: [],
    live: () => ({ reasons: reasons.live ?? [] }),
    ready: () => ({ reasons: reasons.ready ?? [] }),
    metrics,
    failed: (error) => expect(error).toBeUndefined(),
  });
const ANY = { host: '127.0.0.1', port: 0 };

test('/livez and /readyz answer 200, or 503 with the reasons', async () => {
  const endpoint = await open(ANY, { ready: ['tasks/0: the claim was not read back yet'] });
  const [live, ready] = await Promise.all([fetch(`${endpoint.url}/livez`), fetch(`${endpoint.url}/readyz`)]);
  expect([live.status, await live.json()]).toEqual([200, { status: 'alive' }]);
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { status: 'not ready', reasons: ['tasks/0: the claim was not read back yet'] },
  ]);
  await endpoint.close();
});

test('a tunnel that is reset or held open does not end the process, and takes no connection from others', async () => {
  const endpoint = await open(ANY);
  const port = Number(new URL(endpoint.url).port);
  const tunnel = async () => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write('CONNECT x.example:1 HTTP/1.1\r\nHost: x.example:1\r\n\r\n');
    return socket;
  };
  for (let count = 0; count < 20; count += 1) (await tunnel()).resetAndDestroy();
  // More than it has connections; each of them hears that it has ended, and ends nothing itself.
  const held = [];
  for (let count = 0; count < 100; count += 1) {
    const socket = await tunnel();
    await once(socket.resume(), 'end');
    held.push(socket);
  }
  expect((await fetch(`${endpoint.url}/livez`)).status).toBe(200);
  for (const socket of held) socket.destroy();
  await endpoint.close();
});

test('an address in use is an error that names the setting and what to do', async () => {
  const holder = createServer().listen(ANY);
  await once(holder, 'listening');
  const address = holder.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const failure = await open({ ...ANY, port }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(HttpAddressUnusable);
  expect(String(failure)).toContain(
    `RAVENHELM_HTTP: cannot listen on 127.0.0.1:${port}: another process listens there`,
  );
  holder.close();
});

test('/metrics returns the metrics of the swarm and of the process', async () => {
  const counted = prometheus();
  counted.metrics.attemptEnded({ agent: 'cert_agent', status: 'completed', result: 'verified', durationMs: 1_500 });
  counted.metrics.stepEnded('cert_agent', 'ok', 20);
  counted.metrics.stepEnded('cert_agent', 'ok', 20);
  counted.metrics.roleRestarted('worker');
  counted.metrics.appended('tasks', 3);
  counted.metrics.replyRead({ model: 'ollama:m', fault: null, repairs: ['fence', 'quotes'] });
  counted.metrics.replyRead({ model: 'ollama:m', fault: null, repairs: [] });
  counted.metrics.replyRead({ model: 'ollama:m', fault: 'cut', repairs: [] });
  const used = { tokens: { in: 900, out: 60, unknown: 0 }, usd: 0.25 };
  counted.metrics.modelCall({ model: 'openai:m', outcome: 'ok', durationMs: 40, used });
  const lost = { tokens: { in: 0, out: 0, unknown: 30 }, usd: 0.5 };
  counted.metrics.modelCall({ model: 'openai:m', outcome: 'timeout', durationMs: 4_000, used: lost });
  counted.metrics.circuitState('http://127.0.0.1:11434', 'open');
  const endpoint = await open(ANY, {}, counted);
  const answer = await fetch(`${endpoint.url}/metrics`);
  const text = await answer.text();
  for (const line of [
    'ravenhelm_tasks_executed_total{agent="cert_agent",status="completed",result="verified"} 1',
    `ravenhelm_build_info{version="1.2.3",node="${process.versions.node}"} 1`,
    'ravenhelm_task_seconds_bucket{le="1",agent="cert_agent",status="completed"} 0',
    'ravenhelm_task_seconds_bucket{le="2",agent="cert_agent",status="completed"} 1',
    'ravenhelm_model_tokens_total{model="openai:m",direction="in"} 900',
    'ravenhelm_model_tokens_total{model="openai:m",direction="out"} 60',
    'ravenhelm_model_tokens_total{model="openai:m",direction="unknown"} 30',
    'ravenhelm_model_cost_usd_total{model="openai:m"} 0.75',
    'ravenhelm_steps_total{agent="cert_agent",outcome="ok"} 2',
    'ravenhelm_role_restarts_total{role="worker"} 1',
    'ravenhelm_append_seconds_bucket{le="0.005",appender="tasks"} 1',
    'ravenhelm_circuit_state{endpoint="http://127.0.0.1:11434",state="open"} 1',
    'ravenhelm_circuit_state{endpoint="http://127.0.0.1:11434",state="closed"} 0',
    'ravenhelm_held_partitions{topic="tasks.cert_agent"} 3',
    'ravenhelm_reply_repairs_total{model="ollama:m",repair="fence"} 1',
    'ravenhelm_reply_repairs_total{model="ollama:m",repair="quotes"} 1',
    'ravenhelm_replies_total{model="ollama:m",result="repaired"} 1',
    'ravenhelm_replies_total{model="ollama:m",result="read"} 1',
    'ravenhelm_replies_total{model="ollama:m",result="cut"} 1',
  ])
    expect(text).toContain(line);
  expect(text).toContain('process_resident_memory_bytes');
  await endpoint.close();
});

test('a process measures its memory and the delay of its event loop', async () => {
  const vitals = createProcessVitals();
  // The first tick of its timer only begins the measurement, so that at least two ticks must be late.
  for (let round = 0; round < 50 && vitals.read().loopDelayMs.max <= 100; round += 1) {
    const until = performance.now() + 200;
    while (performance.now() < until); // nothing else runs meanwhile
    await setImmediate();
  }
  const { memoryBytes, heapUsedBytes, loopDelayMs } = vitals.read();
  expect(memoryBytes).toBeGreaterThan(heapUsedBytes);
  expect(heapUsedBytes).toBeGreaterThan(1_000_000);
  expect(loopDelayMs.max).toBeGreaterThan(100);
  expect(loopDelayMs.mean).toBeLessThanOrEqual(loopDelayMs.max);
  vitals.stop();
});
