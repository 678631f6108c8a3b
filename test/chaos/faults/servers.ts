/** The registry and the model server. */
import { EXIT } from '../../../src/cli/exit-codes.js';
import { PromiseBroken, type Fault } from '../fault.js';

const registry: Fault = {
  name: 'registry-stopped',
  what: 'the schema registry is stopped',
  recovery: 'it starts again',
  takes: 'registry',
  async strike({ cluster, site, random }) {
    await cluster.registry.stop();
    await site.pause(random.between(4_000, 10_000));
    await cluster.registry.start();
  },
};

/** @param status too many requests, or not ready */
const registryAnswers = (status: 429 | 503): Fault => ({
  name: `registry-${status}`,
  what: `the schema registry answers ${status} with retry-after while a worker starts`,
  recovery: 'it answers again, and the worker serves',
  takes: 'registry',
  turns: 4,
  async strike({ cluster: { registryProxy }, fleet, site, random }) {
    const member = random.pick(fleet.of('worker'));
    await member.end();
    const before = member.unasked.length;
    registryProxy.refusal = status;
    try {
      member.begin();
      await site.pause(random.between(4_000, 8_000));
    } finally {
      registryProxy.refusal = null;
    }
    await member.serving();
    // It may end where the refusals last longer than its patience, but only with the code of what may pass.
    const ends = member.unasked.slice(before).filter((code) => code !== EXIT.unreachable);
    if (ends.length > 0)
      throw new PromiseBroken(`${member.name} ended with ${ends.join(', ')} because the registry was busy`);
  },
});

const modelStopped: Fault = {
  name: 'model-stopped',
  what: 'the model server is stopped',
  recovery: 'it starts again',
  takes: 'models',
  async strike({ models, site, random }) {
    models.stop();
    try {
      await site.pause(random.between(4_000, 10_000));
    } finally {
      models.start();
    }
  },
};

const misbehaving = (name: string, how: 'hung' | 'limited', what: string): Fault => ({
  name,
  what,
  recovery: 'it answers again',
  takes: 'models',
  async strike({ models, site, random }) {
    models.behave(how);
    try {
      await site.pause(random.between(6_000, 12_000));
    } finally {
      models.behave('good');
    }
  },
});

export const SERVER_FAULTS: readonly Fault[] = [
  registry,
  registryAnswers(429),
  registryAnswers(503),
  modelStopped,
  misbehaving('model-hung', 'hung', 'the model server takes requests and says nothing'),
  misbehaving('model-limited', 'limited', 'the model server answers 429 with retry-after'),
];
