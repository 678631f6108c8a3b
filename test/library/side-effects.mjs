// Imports the library, runs a mission and prints what changed in the process; an empty list is right.
import { createRequire, syncBuiltinESMExports } from 'node:module';
import v8 from 'node:v8';

const changes = [];
const OURS =
  /^(RAVENHELM|KAFKA|SCHEMA_REG|WORKER_MODELS|WORKSPACE_ROOT|OLLAMA|ANTHROPIC|OPENAI|LOG_(LEVEL|FORMAT)|OTEL|TRACEP)/;
const env = { ...process.env };
const own = process.env;
process.env = new Proxy(process.env, {
  get(target, name, receiver) {
    if (OURS.test(String(name))) changes.push(`read the variable ${String(name)}`);
    return Reflect.get(target, name, receiver);
  },
});
v8.setFlagsFromString = (flag) => changes.push(`set the V8 flag ${flag}`);
syncBuiltinESMExports();
process.exit = (code) => changes.push(`exit(${code})`);
const listeners = () =>
  JSON.stringify(
    process
      .eventNames()
      .map((name) => [String(name), process.listenerCount(name)])
      .sort(),
  );
const before = listeners();

const { createClient, createSwarm, defineAgent, memoryLog } = await import('ravenhelm');
const steps = [{ name: 'nothing', command: 'true' }];
const agent = defineAgent({
  name: 'idle',
  description: 'Idles.',
  prompt: 'Idle.',
  playbooks: { idle: { steps, acceptance: [{ name: 'true', command: 'test -d .' }] } },
  network: ['example.com:443'],
  secrets: ['OWN_TOKEN'],
  mounts: [{ path: import.meta.dirname, mode: 'ro' }],
});
const swarm = await createSwarm({
  log: memoryLog(),
  agents: [agent],
  policy: 'default',
  tools: { secrets: { OWN_TOKEN: 'a-secret-of-this-test' } },
});
if (listeners() !== before) changes.push(`listeners while it runs: ${before} became ${listeners()}`);
const client = createClient(swarm);
const tasks = [{ agent: 'idle', description: 'Idle.', playbook: 'idle' }];
const { status } = await client.run({ name: 'idle', brief: 'Idle.', plan: { waves: [{ tasks }] } });
await client.close();
await swarm.close();
// Nothing was to be traced; OpenTelemetry's API alone is a dependency of prom-client. Its packages are CommonJS, whose
// modules are in this cache, however they were imported.
const { cache } = createRequire(import.meta.url);
if (!Object.keys(cache).some((file) => file.includes('/prom-client/') || file.includes('/avsc/')))
  changes.push('no known package is in the cache: this check does not see what is loaded');
const loaded = Object.keys(cache).filter((file) => /\/@opentelemetry\/(?!api\/)/.test(file));
if (loaded.length > 0) changes.push(`loaded ${loaded.length} files of OpenTelemetry`);

if (listeners() !== before) changes.push(`listeners: ${before} became ${listeners()}`);
if (JSON.stringify({ ...own }) !== JSON.stringify(env)) changes.push('the environment');
if (process.exitCode !== undefined) changes.push('the exit code');
console.log(JSON.stringify({ status, changes }));
