/** Starts everything that a run needs, in order; the site ends it in reverse. */
import { SETTINGS } from '../../src/cli/settings.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createRandom } from '../simulation/random.js';
import { COMMON_AGENTS, writeAgents } from './agents.js';
import { createClient } from './client.js';
import { startCluster, SWARM_LOGIN } from './cluster.js';
import type { World } from './fault.js';
import { createFleet } from './fleet.js';
import { startModelServer } from './models.js';
import { startObserver } from './observer.js';
import { startProbeWriter } from './probe-writer.js';
import { directory, type Site } from './site.js';
import { createWorkload } from './workload.js';

export interface WorldOptions {
  readonly java: string;
  readonly seed: number;
  readonly workers: number;
  readonly orchestrators: number;
  /** null: the product's default. */
  readonly sessionTimeoutMs: number | null;
}

export async function startWorld(site: Site, options: WorldOptions): Promise<World> {
  site.say(`everything is in ${site.dir}`);
  const random = createRandom(options.seed);
  const cluster = await startCluster(site, options.java);
  site.say(`three brokers and a registry serve (${cluster.clientBrokers.join(', ')})`);
  const models = await startModelServer(site);
  const agentsDir = await writeAgents(site);
  const prefix = `chaos.${site.ids.uuid().slice(0, 8)}`;
  const topics = createTopicNames(prefix);
  const env = {
    PATH: process.env['PATH'],
    HOME: site.dir,
    KAFKA_BROKERS: cluster.clientBrokers.join(','),
    KAFKA_SASL_MECHANISM: SWARM_LOGIN.mechanism,
    KAFKA_SASL_USERNAME: SWARM_LOGIN.username,
    KAFKA_SASL_PASSWORD: SWARM_LOGIN.password,
    SCHEMA_REGISTRY_URL: cluster.registryProxy.url,
    RAVENHELM_PREFIX: prefix,
    WORKSPACE_ROOT: await directory(site.dir, 'workspaces'),
    WORKSPACE_MIN_FREE_MB: '0', // the disk that becomes full is a small one
    RAVENHELM_AGENTS_DIR: agentsDir,
    OLLAMA_HOST: models.url,
    WORKER_MODELS: 'playbook',
    ...(options.sessionTimeoutMs === null ? {} : { KAFKA_SESSION_TIMEOUT_MS: String(options.sessionTimeoutMs) }),
  };
  const run = createClient(site, env);
  const init = await run('init');
  if (init.code !== 0) throw new Error(`ravenhelm init failed:\n${init.stderr}`);
  await cluster.whole();
  const observer = await startObserver(site, cluster, topics);
  const probe = await startProbeWriter(site, cluster, topics);
  const fleet = await createFleet(site, { env, agentsDir });
  const names = (role: 'worker' | 'orchestrator', count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `${role}-${index + 1}`, role }));
  await Promise.all(names('orchestrator', options.orchestrators).map((each) => fleet.add(each)));
  await Promise.all(names('worker', options.workers).map((each) => fleet.add({ ...each, agents: COMMON_AGENTS })));
  site.say(`${options.orchestrators} orchestrators and ${options.workers} workers serve`);
  const workload = await createWorkload(site, run, observer, random);
  return {
    site,
    random,
    cluster,
    fleet,
    models,
    observer,
    workload,
    probe,
    topics,
    run,
    sessionTimeoutMs: options.sessionTimeoutMs ?? Number(SETTINGS.KAFKA_SESSION_TIMEOUT_MS.default),
  };
}
